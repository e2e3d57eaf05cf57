import { Inject, Injectable } from '@nestjs/common';
import type { z } from 'zod';
import type { Aftermath, WanEvent as WireEvent } from '../../proto/gen/ctfleet/v1/wan_event.ts';
import { id as idSchema } from '../../proto/http/common.ts';
import type { CameBack, listWanEvents, WanEvent } from '../../proto/http/wan-events.ts';
import { FleetError } from '../../proto/model/error-codes.ts';
import { cameBackSentence, WAN_EVENT_STATES, isOpenEvent } from '../../proto/model/wan-event.ts';
import { AuditService } from '../audit/audit.service.ts';
import { toWanEventHead } from '../gateways/wan-event-view.ts';
import type { GatewayIdentity } from '../identity/gateway-identity.ts';
import { GATEWAY_CHANGED } from '../link/notifications.ts';
import { Batches } from '../platform/batches.ts';
import { CLOCK, type Clock } from '../platform/clock.ts';
import { parseCursor, toPage } from '../platform/cursor.ts';
import { Database, type Transaction } from '../platform/database.ts';
import { ReplicaNotifications } from '../platform/replica-notifications.ts';
import type { TenantScope } from '../platform/tenant-scope.ts';
import { AftermathsRepository, type ToldAftermath } from './aftermaths.repository.ts';
import { cameBackFrom, toldEvent } from './told.ts';
import { WanEventsRepository, type ActionRow } from './wan-events.repository.ts';

type Page = z.output<typeof listWanEvents.response>;
/** What another noun does with events that were stored, in the same transaction. */
export type OnStored = (t: Transaction, events: WanEvent[]) => Promise<void>;

/** More than one replay shows. */
const MAX_REPLAYED = 1000;
/** Aftermaths of one transaction. */
const MAX_TOGETHER = 200;
const OPEN_STATES = WAN_EVENT_STATES.filter((state) => isOpenEvent({ state }));

/** Keeps what gateways tell of their failovers, and what became of the flows that were ended for them. */
@Injectable()
export class WanEventsService {
  private readonly listeners: OnStored[] = [];
  private readonly taking = new Batches<ToldAftermath>((told) => this.storeAftermaths(told), MAX_TOGETHER);

  constructor(
    @Inject(WanEventsRepository) private readonly events: WanEventsRepository,
    @Inject(AftermathsRepository) private readonly aftermaths: AftermathsRepository,
    @Inject(AuditService) private readonly audit: AuditService,
    @Inject(ReplicaNotifications) private readonly notifications: ReplicaNotifications,
    @Inject(Database) private readonly database: Database,
    @Inject(CLOCK) private readonly clock: Clock,
  ) {}

  /** Calls `listener` with events that were stored, in the transaction that stored them. */
  onStored(listener: OnStored): void {
    this.listeners.push(listener);
  }

  /** Stores events of a gateway; resolves once they are durable. Events that make no sense are left out. */
  async take(identity: GatewayIdentity, told: readonly WireEvent[]): Promise<void> {
    const nowMs = this.clock();
    const newest = new Map(told.flatMap((event) => toldEvent(event, nowMs) ?? []).map((event) => [event.id, event]));
    if (newest.size === 0) return;
    await this.database.transact(new Set([identity.tenantId]), async (t) => {
      const ids = await this.events.store(t, identity, [...newest.values()], new Date(nowMs));
      if (ids.length === 0) return;
      if (this.listeners.length > 0) {
        const events = await this.views(t, await this.events.findMany(t, ids));
        for (const listener of this.listeners) await listener(t, events);
      }
      await this.notifications.send(t, GATEWAY_CHANGED, identity.gatewayId);
    });
  }

  /**
   * Stores what became of flows that a command or a run of this gateway ended; the end of it is in the audit trail. After a flush of many
   * gateways all of them tell it in the same moments.
   */
  async takeAftermath(identity: GatewayIdentity, { of, cameBack: told }: Aftermath): Promise<void> {
    const cameBack = told && cameBackFrom(told, this.clock());
    const id = of && idSchema.safeParse(of.value).data;
    if (cameBack && id !== undefined) await this.taking.add({ identity, id, cameBack });
  }

  private async storeAftermaths(told: readonly ToldAftermath[]): Promise<void> {
    await this.database.transact(new Set(told.map(({ identity }) => identity.tenantId)), async (t) => {
      const about = await this.aftermaths.about(t, told);
      const own = newestOf(told.filter(({ id }) => about.has(id)));
      const news = await this.aftermaths.store(t, own);
      for (const { identity, id, cameBack } of own.filter((one) => one.cameBack.isFinal && news.has(one.id))) {
        const { flushId, gatewayName } = about.get(id)!;
        this.audit.record(t, {
          tenantId: identity.tenantId,
          actor: { kind: 'gateway', id: identity.gatewayId, name: gatewayName },
          action: 'flows.came-back',
          outcome: 'ok',
          gatewayId: identity.gatewayId,
          gatewayName,
          summary: `${gatewayName}: a minute later ${cameBackSentence(cameBack)}`,
          detail: { ...(flushId === null ? { runId: id } : { flushId, commandId: id }), cameBack },
        });
      }
    });
  }

  async list(scope: TenantScope, { cursor, state, from, to, ...wanted }: z.output<typeof listWanEvents.query>): Promise<Page> {
    if (from !== undefined && to !== undefined && Date.parse(to) <= Date.parse(from))
      throw new FleetError('INVALID_REQUEST', 'The span ends before it begins.', {
        issues: [{ path: 'to', message: 'must be later than from' }],
      });
    return this.database.transact(scope, async (t) => {
      const rows = await this.events.list(t, {
        ...wanted,
        before: parseCursor(cursor, idSchema),
        states: state === 'all-open' ? OPEN_STATES : state && [state],
        from: from === undefined ? undefined : new Date(from),
        to: to === undefined ? undefined : new Date(to),
      });
      const actions = await this.actionsOf(t, rows);
      return toPage(
        rows,
        wanted.limit,
        (row) => toView(row, actions.get(row.id)),
        (row) => row.id,
      );
    });
  }

  async get(scope: TenantScope, id: string): Promise<WanEvent> {
    const [event] = await this.database.transact(scope, async (t) => this.views(t, await this.events.findMany(t, [id])));
    if (!event) throw new FleetError('NOT_FOUND', 'There is no such WAN event, or it is past the time for which it is kept.');
    return event;
  }

  /** Those that began since then on these gateways, newest first: what WAN triggers are replayed from. */
  async since(t: Transaction, gatewayIds: readonly string[], since: Date): Promise<WanEvent[]> {
    return (await this.events.since(t, gatewayIds, since, MAX_REPLAYED)).map((row) => toView(row));
  }

  /** What a flush did for failovers: which events it is about, and what became of its flows, by gateway. */
  async ofFlush(t: Transaction, flushId: string): Promise<{ wanEventIds: string[]; cameBack: Map<string, CameBack> }> {
    const events = await this.events.about(t, { flushId });
    return { wanEventIds: events.map(({ id }) => id), cameBack: await this.aftermaths.ofFlush(t, flushId) };
  }

  /** The same of runs. */
  async ofRuns(t: Transaction, runIds: readonly string[]): Promise<{ wanEventIds: Map<string, string>; cameBack: Map<string, CameBack> }> {
    if (runIds.length === 0) return { wanEventIds: new Map(), cameBack: new Map() };
    const events = await this.events.about(t, { runIds });
    return {
      wanEventIds: new Map(events.flatMap((event) => event.runIds.map((runId) => [runId, event.id]))),
      cameBack: await this.aftermaths.ofRuns(t, runIds),
    };
  }

  private async views(t: Transaction, rows: EventRow[]): Promise<WanEvent[]> {
    const actions = await this.actionsOf(t, rows);
    return rows.map((row) => toView(row, actions.get(row.id)));
  }

  private async actionsOf(t: Transaction, rows: readonly { id: string }[]): Promise<Map<string, ActionRow[]>> {
    const actions =
      rows.length === 0
        ? []
        : await this.events.actions(
            t,
            rows.map(({ id }) => id),
          );
    return Map.groupBy(actions, ({ eventId }) => eventId);
  }
}

type EventRow = Awaited<ReturnType<WanEventsRepository['findMany']>>[number];

function toView(row: EventRow, actions: readonly ActionRow[] = []): WanEvent {
  return {
    ...toWanEventHead(row, row.gateway),
    actions: actions.map(({ at, kind, id, by, state, ended }) => ({ at: at.toISOString(), kind, id, by, state, ended })),
  };
}

/** By id: what is final, else what was seen last. */
function newestOf(told: readonly ToldAftermath[]): ToldAftermath[] {
  const rank = ({ cameBack: { isFinal, watchedAt } }: ToldAftermath): string => `${Number(isFinal)} ${watchedAt}`;
  const newest = new Map<string, ToldAftermath>();
  for (const one of told) {
    const known = newest.get(one.id);
    if (!known || rank(known) < rank(one)) newest.set(one.id, one);
  }
  return [...newest.values()];
}
