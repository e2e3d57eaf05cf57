import { newId } from '../../controller/platform/ids.ts';
import type { TestDatabases } from './database.ts';

/** Alerts as the judge writes them, without anything that is judged. */
export class RaisedAlerts {
  readonly #postgres: TestDatabases;
  readonly #url: string;
  readonly #place: { tenantId: string; siteId: string };
  readonly #nowMs: () => number;
  #number = 0;

  /** @param nowMs the controller's clock */
  constructor(postgres: TestDatabases, url: string, place: { tenantId: string; siteId: string }, nowMs: () => number = Date.now) {
    [this.#postgres, this.#url, this.#place, this.#nowMs] = [postgres, url, place, nowMs];
  }

  async raise(over: { state?: string; parentId?: string; tenantId?: string | null; severity?: string } = {}): Promise<string> {
    const id = newId();
    const tenantId = over.tenantId === undefined ? this.#place.tenantId : over.tenantId;
    const text = (value: string | null | undefined) => (value == null ? 'NULL' : `'${value}'`);
    await this.#postgres.query(
      this.#url,
      `INSERT INTO alert (id, tenant_id, site_id, rule, kind, severity, state, fingerprint, title, likely,
         pending_since, raised_at, changed_at, parent_id)
       VALUES ('${id}', ${text(tenantId)}, ${tenantId === null ? 'NULL' : text(this.#place.siteId)}, 'usage-critical', 'usage',
         '${over.severity ?? 'critical'}', '${over.state ?? 'raised'}', 'test ${++this.#number}', 'the table of gw1 is 91 % full', 'one source',
         ${this.#now}, ${this.#now}, ${this.#now}, ${text(over.parentId)})`,
    );
    await this.happened(id, 'raised');
    return id;
  }

  async happened(alertId: string, transition: string): Promise<void> {
    await this.#postgres.query(
      this.#url,
      `INSERT INTO alert_transition (id, alert_id, tenant_id, transition, at)
       SELECT '${newId()}', id, tenant_id, '${transition}', ${this.#now} FROM alert WHERE id = '${alertId}'`,
    );
  }

  async clear(alertId: string): Promise<void> {
    await this.#postgres.query(this.#url, `UPDATE alert SET state = 'cleared', cleared_at = ${this.#now} WHERE id = '${alertId}'`);
    await this.happened(alertId, 'cleared');
  }

  get #now(): string {
    return `'${new Date(this.#nowMs()).toISOString()}'`;
  }
}
