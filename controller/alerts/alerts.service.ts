import { Inject, Injectable } from '@nestjs/common';
import { z } from 'zod';
import type { Alert, assignAlert, getAlert, listAlerts, silenceAlert } from '../../proto/http/alerts.ts';
import type { WanEvent } from '../../proto/http/wan-events.ts';
import { FleetError } from '../../proto/model/error-codes.ts';
import { AuditService, toActor } from '../audit/audit.service.ts';
import type { Caller } from '../platform/caller.ts';
import { CLOCK, type Clock } from '../platform/clock.ts';
import { parseCursor, toPage } from '../platform/cursor.ts';
import { Database, type Transaction } from '../platform/database.ts';
import { newId } from '../platform/ids.ts';
import { ReplicaNotifications } from '../platform/replica-notifications.ts';
import type { TenantScope } from '../platform/tenant-scope.ts';
import { AlertListRepository } from './alert-list.repository.ts';
import type { AlertRow } from './rows.ts';
import { toAlertView, toTransitionView } from './alert-view.ts';
import { AlertWriter } from './alert-writer.service.ts';
import { judgeWanEvents } from './judging/wan-event.ts';
import { ALERT_CHANGED } from './notifications.ts';
import { RulesInForceService } from './rules-in-force.service.ts';

const place = z.strictObject({ isCleared: z.boolean(), at: z.iso.datetime(), id: z.uuid() });
const LONGEST_SILENCE_MS = 30 * 86_400_000;
/** What a caller does about an alert. */
type Handling = 'acknowledged' | 'assigned' | 'noted' | 'silenced' | 'unsilenced';

/** Alerts as people read and handle them. */
@Injectable()
export class AlertsService {
  constructor(
    @Inject(AlertListRepository) private readonly alerts: AlertListRepository,
    @Inject(AlertWriter) private readonly writer: AlertWriter,
    @Inject(RulesInForceService) private readonly rules: RulesInForceService,
    @Inject(AuditService) private readonly audit: AuditService,
    @Inject(ReplicaNotifications) private readonly notifications: ReplicaNotifications,
    @Inject(Database) private readonly database: Database,
    @Inject(CLOCK) private readonly clock: Clock,
  ) {}

  async list(scope: TenantScope, query: z.output<typeof listAlerts.query>): Promise<z.output<typeof listAlerts.response>> {
    const after = parseCursor(query.cursor, place);
    return this.database.transact(scope, async (t) => {
      const rows = await this.alerts.list(t, { ...query, after });
      const open = { info: 0, warning: 0, critical: 0 };
      for (const { severity, state, count } of await this.alerts.counts(t)) if (state !== 'pending') open[severity] += count;
      const lastClearedAt = await this.alerts.lastClearedAt(t);
      const toPlace = (row: AlertRow) => ({ isCleared: row.clearedAt !== null, at: row.pendingSince.toISOString(), id: row.id });
      return { ...toPage(rows, query.limit, toAlertView, toPlace), open, lastClearedAt: lastClearedAt?.toISOString() };
    });
  }

  /** Throws NOT_FOUND if it does not exist or is out of scope; so do all that change one. */
  async get(scope: TenantScope, id: string): Promise<z.output<typeof getAlert.response>> {
    return this.database.transact(scope, async (t) => ({
      ...toAlertView(await this.row(t, id)),
      transitions: (await this.alerts.transitions(t, id)).map(toTransitionView),
      childAlerts: (await this.alerts.childrenOf(t, id)).map(toAlertView),
    }));
  }

  /** Doing it again changes nothing: the first who looks after it stays. */
  async acknowledge(caller: Caller, scope: TenantScope, id: string, note: string | undefined): Promise<Alert> {
    return this.handle(caller, scope, id, async (t, row, now) => {
      assertOpen(row);
      if (row.acknowledgedAt) return undefined;
      await this.alerts.acknowledge(t, id, caller.name, now);
      return { transition: 'acknowledged', note };
    });
  }

  /** Throws INVALID_REQUEST for somebody who may not see it. */
  async assign(caller: Caller, scope: TenantScope, id: string, { personId }: z.output<typeof assignAlert.body>): Promise<Alert> {
    return this.handle(caller, scope, id, async (t, row, now) => {
      const name = personId === null ? undefined : await this.alerts.personName(t, personId, row.tenantId);
      if (personId !== null && name === undefined)
        throw new FleetError('INVALID_REQUEST', 'There is no such person in the alert’s tenant.', {
          issues: [{ path: 'body.personId', message: 'names nobody who may see this alert' }],
        });
      await this.alerts.assign(t, id, personId, now);
      return { transition: 'assigned', note: name === undefined ? 'to nobody' : `to ${name}` };
    });
  }

  async note(caller: Caller, scope: TenantScope, id: string, note: string): Promise<Alert> {
    return this.handle(caller, scope, id, async () => ({ transition: 'noted', note }));
  }

  /** Throws INVALID_REQUEST for a time that is past or too far, and for an alert that is not raised. */
  async silence(caller: Caller, scope: TenantScope, id: string, { until, reason }: z.output<typeof silenceAlert.body>): Promise<Alert> {
    return this.handle(caller, scope, id, async (t, row, now) => {
      assertOpen(row);
      const aheadMs = until === null ? 1 : Date.parse(until) - now.getTime();
      if (aheadMs <= 0 || aheadMs > LONGEST_SILENCE_MS)
        throw new FleetError('INVALID_REQUEST', 'An alert is silenced until a time within the next 30 days.', {
          issues: [{ path: 'body.until', message: 'must be within the next 30 days' }],
        });
      if (until === null && row.silencedUntil === null) return undefined;
      await this.alerts.silence(t, id, { name: caller.name, reason, until: until === null ? null : new Date(until) }, now);
      return { transition: until === null ? 'unsilenced' : 'silenced', note: reason };
    });
  }

  /**
   * Judges WAN events in the transaction that stores them; `t` must see their tenants. An event that is reported late and is over raises
   * nothing. Calling it again with the same events changes nothing.
   */
  async judgeWanEvents(t: Transaction, events: readonly WanEvent[]): Promise<void> {
    if (events.length === 0) return;
    const nowMs = this.clock();
    const inForce = await this.rules.now(events.map(({ gatewayId }) => gatewayId));
    await this.writer.write(t, judgeWanEvents(events, inForce, new Date(nowMs), newId), inForce, nowMs);
  }

  /** How many are open, by severity and state. */
  async counts(scope: TenantScope): Promise<{ severity: string; state: string; count: number }[]> {
    return this.database.transact(scope, (t) => this.alerts.counts(t));
  }

  /** What streams tell of alerts that changed; those that only pended and are gone are left out. */
  async briefly(scope: TenantScope, ids: string[]) {
    const rows = await this.database.transact(scope, (t) => this.alerts.briefly(t, ids));
    return rows.map(({ gatewayId, ...row }) => ({ ...row, gatewayId: gatewayId ?? undefined }));
  }

  private async handle(
    caller: Caller,
    scope: TenantScope,
    id: string,
    work: (t: Transaction, row: AlertRow, now: Date) => Promise<{ transition: Handling; note?: string } | undefined>,
  ): Promise<Alert> {
    return this.database.transact(scope, async (t) => {
      await this.alerts.lock(t, id);
      const row = await this.row(t, id);
      const now = new Date(this.clock());
      const done = await work(t, row, now);
      if (!done) return toAlertView(row);
      await this.alerts.note(t, row, done.transition, { name: caller.name, note: done.note }, now);
      this.audit.record(t, {
        tenantId: row.tenantId ?? undefined,
        actor: toActor(caller),
        action: `alert.${done.transition}`,
        outcome: 'ok',
        summary: `${caller.name} ${WORDS[done.transition]} the alert ${row.title}`,
        detail: { alertId: id, note: done.note },
      });
      await this.notifications.sendMany(t, ALERT_CHANGED, [id]);
      return toAlertView(await this.row(t, id));
    });
  }

  private async row(t: Transaction, id: string): Promise<AlertRow> {
    const row = await this.alerts.find(t, id);
    if (!row) throw new FleetError('NOT_FOUND', 'There is no such alert.');
    return row;
  }
}

const WORDS: Readonly<Record<Handling, string>> = {
  acknowledged: 'acknowledged',
  assigned: 'assigned',
  noted: 'noted something about',
  silenced: 'silenced',
  unsilenced: 'ended the silence of',
};

function assertOpen({ clearedAt, raisedAt }: AlertRow): void {
  if (clearedAt) throw new FleetError('CONDITION_UNMET', 'This alert was cleared: there is nothing to do about it any more.');
  if (!raisedAt) throw new FleetError('CONDITION_UNMET', 'This alert is not raised yet: it only pends.');
}
