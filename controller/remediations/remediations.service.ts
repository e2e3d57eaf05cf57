import { Inject, Injectable } from '@nestjs/common';
import type { z } from 'zod';
import type { RemediationDocument } from '../../proto/http/remediation-document.ts';
import type {
  checkRemediation,
  createRemediation,
  Remediation as RemediationView,
  updateRemediation,
} from '../../proto/http/remediations.ts';
import { FleetError } from '../../proto/model/error-codes.ts';
import type { Caller } from '../platform/caller.ts';
import { AuditService, toActor } from '../audit/audit.service.ts';
import { GatewaysService } from '../gateways/gateways.service.ts';
import { TenantsService } from '../gateways/tenants.service.ts';
import { namePlace } from '../gateways/tenants.service.ts';
import { CLOCK, type Clock } from '../platform/clock.ts';
import { parseCursor, toPage, type Page } from '../platform/cursor.ts';
import { Database, type Transaction } from '../platform/database.ts';
import { newId } from '../platform/ids.ts';
import { ReplicaNotifications } from '../platform/replica-notifications.ts';
import { ENCRYPTION, type Encryption } from '../platform/encryption.ts';
import { newSecret } from '../platform/secret.ts';
import { inScope, type TenantScope } from '../platform/tenant-scope.ts';
import { checkDocument } from './check-document.ts';
import { toRemediationView } from './remediation-view.ts';
import { RemediationsRepository } from './remediations.repository.ts';
import type { RemediationRow } from './rows.ts';
import { nextTimes } from './schedule.ts';
import { changeOf } from './standing.ts';
import { StandingsService } from './standings.service.ts';
import { zonesOf, type SiteZone } from './zones.ts';
import { REMEDIATIONS_CHANGED } from './notifications.ts';

const DAY_MS = 86_400_000;
const SHOWN_TIMES = 5;
type Body = z.output<typeof createRemediation.body>;

const NOBODY = { approvedRevision: null, approvedById: null, approvedByName: null, approvedAt: null };

/** Stored remediations: validated, revised, and pushed to the gateways that run them. */
@Injectable()
export class RemediationsService {
  constructor(
    @Inject(RemediationsRepository) private readonly remediations: RemediationsRepository,
    @Inject(GatewaysService) private readonly gateways: GatewaysService,
    @Inject(StandingsService) private readonly standings: StandingsService,
    @Inject(TenantsService) private readonly tenants: TenantsService,
    @Inject(AuditService) private readonly audit: AuditService,
    @Inject(ReplicaNotifications) private readonly notifications: ReplicaNotifications,
    @Inject(Database) private readonly database: Database,
    @Inject(ENCRYPTION) private readonly seal: Encryption,
    @Inject(CLOCK) private readonly clock: Clock,
  ) {}

  async list(scope: TenantScope, query: { limit: number; cursor?: string }): Promise<Page<RemediationView>> {
    const rows = await this.database.transact(scope, (t) =>
      this.remediations.list(t, { limit: query.limit, after: parseCursor(query.cursor, namePlace) }),
    );
    const views = await this.viewsOf(scope, rows);
    return toPage(
      rows,
      query.limit,
      (row) => views.get(row.id)!,
      ({ name, id }) => ({ name, id }),
    );
  }

  /** Throws NOT_FOUND if it does not exist or is out of scope. */
  async get(scope: TenantScope, id: string): Promise<RemediationView> {
    return (await this.viewsOf(scope, [await this.row(scope, id)])).get(id)!;
  }

  /** The stored row. Throws NOT_FOUND. */
  async row(scope: TenantScope, id: string): Promise<RemediationRow> {
    return (await this.database.transact(scope, (t) => this.remediations.find(t, id))) ?? notFound();
  }

  /** Saves a new one. Throws INVALID_REQUEST with each problem, FORBIDDEN for one of all tenants by a caller who does not see them all. */
  async create(
    caller: Caller,
    scope: TenantScope,
    { tenantId, document, isEnabled, builtIn }: Body,
  ): Promise<z.output<typeof createRemediation.response>> {
    refuseProblems(document);
    if (tenantId === undefined ? scope !== 'all' : !inScope(scope, tenantId)) {
      throw tenantId === undefined
        ? new FleetError('FORBIDDEN', 'Only somebody who may act on all tenants can save a remediation for all of them. Name a tenant.')
        : notFound();
    }
    const now = new Date(this.clock());
    const hookSecret =
      document.trigger.kind === 'webhook' ? `whsec_${Buffer.from(newSecret(), 'base64url').toString('base64')}` : undefined;
    const id = newId();
    await this.database.transact(scope, async (t) => {
      await this.remediations.insert(t, {
        id,
        tenantId: tenantId ?? null,
        name: document.name,
        revision: 1,
        document,
        isEnabled,
        builtIn: builtIn ?? null,
        hookSecret: hookSecret === undefined ? null : this.seal.close(hookSecret),
        authorId: caller.userId,
        createdByName: caller.name,
        createdAt: now,
        updatedAt: now,
        isByToken: caller.kind !== 'user',
      });
      await this.note(t, caller, 'remediation.made', { id, tenantId: tenantId ?? null, name: document.name }, { document, isEnabled });
    });
    return { ...(await this.get(scope, id)), hookSecret };
  }

  /**
   * Changes one. A change that widens it revokes an approval; any other change keeps it. `isEnabled: true` lifts a hold-back. Throws
   * NOT_FOUND, INVALID_REQUEST, ALREADY_EXISTS if somebody else changed it since.
   */
  async update(
    caller: Caller,
    scope: TenantScope,
    id: string,
    { revision, document, isEnabled }: z.output<typeof updateRemediation.body>,
  ): Promise<RemediationView> {
    if (document) refuseProblems(document);
    await this.database.transact(scope, async (t) => {
      const before = (await this.remediations.find(t, id)) ?? notFound();
      if (document && (document.trigger.kind === 'webhook') !== (before.hookSecret !== null))
        throw new FleetError('INVALID_REQUEST', 'A webhook trigger can be chosen only when a remediation is created. Create a new one.');
      const isLifted = isEnabled === true && before.heldBackAt !== null;
      const { isWidened, isRewritten } = changeOf(before, {
        document: document ?? before.document,
        isEnabled: isEnabled ?? before.isEnabled,
        isLifted,
      });
      const isCarriedOn = !isWidened && before.approvedRevision === revision;
      if (
        !(await this.remediations.update(t, id, revision, {
          ...(document && { name: document.name, document }),
          isEnabled,
          updatedAt: new Date(this.clock()),
          ...(isRewritten && { authorId: caller.userId }),
          ...(isWidened && { isByToken: caller.kind !== 'user' }),
          ...(isCarriedOn ? { approvedRevision: revision + 1 } : NOBODY),
          ...(isLifted && { heldBackAt: null, heldBackWhy: null }),
        }))
      ) {
        throw new FleetError(
          'ALREADY_EXISTS',
          `This remediation has been changed since: it is at revision ${before.revision}. Review it again.`,
          { revision: before.revision },
        );
      }
      await this.note(t, caller, 'remediation.changed', before, {
        from: revision,
        before: { document: before.document, isEnabled: before.isEnabled },
        document,
        isEnabled,
        isWidened,
        isLifted,
      });
    });
    return this.get(scope, id);
  }

  async remove(caller: Caller, scope: TenantScope, id: string): Promise<void> {
    await this.database.transact(scope, async (t) => {
      const row = (await this.remediations.find(t, id)) ?? notFound();
      await this.remediations.remove(t, id, new Date(this.clock()));
      await this.note(t, caller, 'remediation.deleted', row, { revision: row.revision });
    });
  }

  /** What a document would do, without saving it. */
  async check(
    scope: TenantScope,
    { tenantId, document }: Body,
  ): Promise<Omit<z.output<typeof checkRemediation.response>, 'matchesNow' | 'wouldHaveFired'>> {
    const problems = checkDocument(document);
    const own: TenantScope = tenantId === undefined ? scope : new Set(inScope(scope, tenantId) ? [tenantId] : []);
    const gateways = await this.gateways.inScope(own, document.scope).catch((error: unknown) => {
      if (!(error instanceof FleetError) || (error.code !== 'SCOPE_EMPTY' && error.code !== 'NOT_FOUND')) throw error;
      problems.push({ path: 'scope', message: error.message });
      return [];
    });
    const { trigger } = document;
    const zones =
      trigger.kind === 'schedule' && !problems.some(({ path }) => path.startsWith('trigger'))
        ? zonesOf(
            trigger.timeZone,
            await this.sitesOf(
              own,
              gateways.map((gateway) => gateway.siteId),
            ),
          )
        : [];
    const asked = { tenantId: tenantId ?? null, document, isByToken: false };
    const [verdict] = await this.database.transact(own, (t) => this.standings.verdicts(t, [asked]));
    return {
      problems,
      gateways: gateways.length,
      ...(document.mode === 'auto' && verdict?.kind === 'second-person' && { secondPerson: verdict.why }),
      nextRuns:
        trigger.kind === 'schedule'
          ? zones.map(({ timeZone, sites }) => ({
              timeZone,
              sites: sites.map((site) => site.name),
              times: nextTimes(trigger.cron, timeZone, this.clock(), SHOWN_TIMES).map(({ atMs, ...time }) => ({
                at: new Date(atMs).toISOString(),
                ...time,
              })),
            }))
          : [],
    };
  }

  /** All enabled remediations. */
  async enabled(): Promise<RemediationRow[]> {
    return this.database.transact('all', (t) => this.remediations.enabled(t));
  }

  /** The zones in which a schedule runs, with the sites of each. */
  async scheduleZones(row: RemediationRow): Promise<{ timeZone: string; sites: SiteZone[] }[]> {
    const { trigger, scope } = row.document;
    if (trigger.kind !== 'schedule') return [];
    const own: TenantScope = row.tenantId === null ? 'all' : new Set([row.tenantId]);
    const gateways = await this.gateways.inScope(own, scope).catch(() => []);
    return zonesOf(
      trigger.timeZone,
      await this.sitesOf(
        own,
        gateways.map((gateway) => gateway.siteId),
      ),
    );
  }

  private async sitesOf(scope: TenantScope, ids: string[]): Promise<SiteZone[]> {
    return this.database.transact(scope, (t) => this.tenants.sites(t, [...new Set(ids)]));
  }

  private async viewsOf(scope: TenantScope, rows: RemediationRow[]): Promise<Map<string, RemediationView>> {
    const summaries = await this.database.transact(scope, (t) =>
      this.remediations.summaries(
        t,
        rows.map((row) => row.id),
        new Date(this.clock() - 30 * DAY_MS),
      ),
    );
    const names = await this.database.transact(scope, (t) => this.tenants.names(t));
    const standings = await this.database.transact(scope, (t) => this.standings.of(t, rows));
    const views = new Map<string, RemediationView>();
    for (const row of rows) {
      const { trigger } = row.document;
      const zones = row.isEnabled && trigger.kind === 'schedule' ? await this.scheduleZones(row) : [];
      const next =
        trigger.kind === 'schedule' ? zones.map(({ timeZone }) => nextTimes(trigger.cron, timeZone, this.clock(), 1)[0]!.atMs) : [];
      views.set(
        row.id,
        toRemediationView(row, {
          standing: standings.get(row.id)!,
          tenantName: row.tenantId === null ? undefined : names.get(row.tenantId),
          summary: summaries.get(row.id),
          nextRunAtMs: next.length > 0 ? Math.min(...next) : undefined,
        }),
      );
    }
    return views;
  }

  /** Records the change, and notifies the replicas that hold the gateways' links. */
  private async note(
    t: Transaction,
    caller: Caller,
    action: string,
    { id, tenantId, name }: { id: string; tenantId: string | null; name: string },
    detail: Record<string, unknown>,
  ): Promise<void> {
    this.audit.record(t, {
      tenantId: tenantId ?? undefined,
      actor: toActor(caller),
      action,
      outcome: 'ok',
      summary: `${caller.name} ${action.split('.')[1]} the remediation ${name}`,
      detail: { remediationId: id, ...detail },
    });
    await this.notifications.send(t, REMEDIATIONS_CHANGED, id);
  }
}

function refuseProblems(document: RemediationDocument): void {
  const issues = checkDocument(document).map(({ path, message }) => ({ path: `body.document.${path}`, message }));
  if (issues.length > 0)
    throw new FleetError(
      'INVALID_REQUEST',
      `The remediation is invalid: ${issues.map(({ path, message }) => `${path.replace('body.document.', '')} ${message}`).join('; ')}.`,
      { issues },
    );
}

function notFound(): never {
  throw new FleetError('NOT_FOUND', 'There is no such remediation.');
}
