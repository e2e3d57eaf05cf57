import { Injectable } from '@nestjs/common';
import type { Flush, FlushTarget } from '../generated/prisma/client.ts';
import type { Transaction } from '../platform/database.ts';
import type { Totals } from '../plans/outcomes.ts';
import type { FlushRow } from './flush-view.ts';
import type { Subject } from './subject.ts';
import { BY_RULE, flushStateOf, TARGET_TRANSITIONS, type FlushState, type TargetState } from './states.ts';

export type TargetChange = Partial<Omit<FlushTarget, 'flushId' | 'gatewayId' | 'tenantId' | 'state' | 'outcomes'>>;

/** How a target ended, by what its gateway reported. */
export type FinishedTarget = Pick<
  FlushTarget,
  | 'flushId'
  | 'gatewayId'
  | 'reason'
  | 'undoUntil'
  | 'packetsRefused'
  | 'refusedUntil'
  | 'tableBefore'
  | 'tableAfter'
  | 'startedAt'
  | 'finishedAt'
> & { state: TargetState; totals: Totals; outcomes: Uint8Array };

/**
 * A caller who may not see everything that a plan asked for sees neither it nor its flush; row-level security hides the plan, and this
 * condition the flush.
 */
const PLAN_IN_SIGHT = { createdAt: { gte: new Date(0) } } as const;
/** A plan with the undo of its flush, if there is one. */
const WITH_PLAN = {
  plan: { include: { flushes: { where: { kind: 'undo' }, select: { id: true } }, approval: true } },
  targets: { omit: { outcomes: true } },
} as const;

@Injectable()
export class FlushesRepository {
  /** Throws a unique violation if the plan has already been run: one of two concurrent runs wins. */
  async insert(
    t: Transaction,
    flush: Flush,
    targets: Pick<FlushTarget, 'gatewayId' | 'tenantId' | 'gatewayName' | 'position' | 'planned' | 'wave'>[],
  ): Promise<void> {
    await t.flush.create({ data: flush });
    await t.flushTarget.createMany({ data: targets.map((target) => ({ ...target, flushId: flush.id, state: 'waiting' })) });
  }

  /**
   * Serialises decisions on a flush as a whole: its waves, a stop. Held to the end of the transaction, and taken before all other locks.
   */
  async takeTurn(t: Transaction, id: string): Promise<void> {
    await t.$executeRaw`SELECT pg_advisory_xact_lock(hashtextextended(${id}, 0))`;
  }

  /** Running flushes whose waves have not all begun. */
  async withWavesToCome(t: Transaction): Promise<string[]> {
    const rows = await t.$queryRaw<
      { id: string }[]
    >`SELECT id FROM flush WHERE state = 'running' AND wave < waves AND stopped_by IS NULL ORDER BY id`;
    return rows.map((row) => row.id);
  }

  /** Visible running flushes, oldest first; only those that touch one of these tenants, or this gateway. */
  async running(t: Transaction, { tenantIds, gatewayId }: { tenantIds?: string[]; gatewayId?: string }): Promise<string[]> {
    const rows = await t.flush.findMany({
      where: {
        state: 'running',
        tenantIds: tenantIds && { hasSome: tenantIds },
        targets: gatewayId === undefined ? undefined : { some: { gatewayId } },
      },
      select: { id: true },
      orderBy: { id: 'asc' },
    });
    return rows.map((row) => row.id);
  }

  /** Marks the wave as begun; false if it has already begun, or if the flush has finished or was stopped. */
  async moveOn(t: Transaction, id: string, wave: number): Promise<boolean> {
    return (await t.flush.updateMany({ where: { id, wave: wave - 1, state: 'running', stoppedBy: null }, data: { wave } })).count === 1;
  }

  /** Records who or what ended a flush early. The first record stays. */
  async stop(t: Transaction, id: string, stoppedBy: string, stopReason: string): Promise<void> {
    await t.flush.updateMany({ where: { id, stoppedBy: null }, data: { stoppedBy, stopReason } });
  }

  /** Flushes, not roll-outs: newest first, up to `limit` + 1. */
  async list(
    t: Transaction,
    wanted: { limit: number; before?: string; tenant?: string; gateway?: string; state?: FlushState },
  ): Promise<FlushRow[]> {
    const { limit, before, tenant, gateway, state } = wanted;
    const rows = await t.flush.findMany({
      where: {
        plan: { ...PLAN_IN_SIGHT, subject: 'flows' satisfies Subject },
        id: before ? { lt: before } : undefined,
        state,
        tenantIds: tenant ? { has: tenant } : undefined,
        targets: gateway ? { some: { gatewayId: gateway } } : undefined,
      },
      include: WITH_PLAN,
      orderBy: { id: 'desc' },
      take: limit + 1,
    });
    const tenants = await t.tenant.findMany({
      where: { id: { in: rows.flatMap((row) => row.tenantIds) } },
      select: { id: true, name: true },
    });
    return rows.map((row) => ({
      ...row,
      targets: row.targets.map((target) => ({ ...target, outcomes: null })),
      tenants: tenants.filter((tenant) => row.tenantIds.includes(tenant.id)),
    }));
  }

  /** `subject`: undefined for either. */
  async find(t: Transaction, id: string, subject?: Subject): Promise<FlushRow | undefined> {
    const row = await t.flush.findUnique({ where: { id, plan: { ...PLAN_IN_SIGHT, subject } }, include: WITH_PLAN });
    if (!row) return undefined;
    const tenants = await t.tenant.findMany({ where: { id: { in: row.tenantIds } }, select: { id: true, name: true } });
    return { ...row, targets: row.targets.map((target) => ({ ...target, outcomes: null })), tenants };
  }

  /** Targets with what their flushes were made for, in the order asked. Throws if one does not exist: every command has a target. */
  async findTargets(t: Transaction, places: readonly { flushId: string; gatewayId: string }[]) {
    const targets = await t.flushTarget.findMany({
      where: { OR: places.map(({ flushId, gatewayId }) => ({ flushId, gatewayId })) },
      omit: { outcomes: true },
      include: {
        flush: { select: { wave: true, waves: true, plan: { select: { reason: true, ticket: true, subject: true, digest: true } } } },
      },
    });
    return places.map((place) => {
      const target = targets.find(({ flushId, gatewayId }) => flushId === place.flushId && gatewayId === place.gatewayId);
      if (!target) throw new Error('a command without its target');
      return target;
    });
  }

  /** Targets that waited for their gateways stop waiting once their commands are sent; returns the flushes in which this is visible. */
  async backOnline(t: Transaction, commandIds: string[]): Promise<string[]> {
    const rows = await t.$queryRaw<{ flush_id: string }[]>`
      UPDATE flush_target target SET state = 'waiting', reason = NULL FROM command
      WHERE command.id = ANY(${commandIds}::uuid[])
        AND target.flush_id = command.flush_id AND target.gateway_id = command.gateway_id AND target.state = 'offline'
      RETURNING target.flush_id`;
    return [...new Set(rows.map((row) => row.flush_id))].toSorted();
  }

  /** Moves a target if the move is one of TARGET_TRANSITIONS or its state stays the same; false otherwise. */
  async move(t: Transaction, flushId: string, gatewayId: string, state: TargetState, change: TargetChange = {}): Promise<boolean> {
    return (
      (await t.flushTarget.updateMany({ where: { flushId, gatewayId, state: { in: mayBecome(state) } }, data: { ...change, state } }))
        .count === 1
    );
  }

  /** Records how targets ended, as `move` would, with one statement per state: a whole fleet ends at about the same time. */
  async finish(t: Transaction, targets: readonly FinishedTarget[]): Promise<void> {
    for (const state of new Set(targets.map((target) => target.state))) {
      const own = targets.filter((target) => target.state === state);
      await t.$executeRaw`
        UPDATE flush_target target
        SET state = ${state}, reason = own.reason, done = target.planned, outcomes = decode(own.outcomes, 'hex'),
          deleted = own.deleted, rebuilt = own.rebuilt, gone = own.gone, protected = own.protected, reappeared = own.reappeared,
          failed = own.failed, indeterminate = own.indeterminate, reset = own.reset, blocked = own.blocked, expiring = own.expiring,
          restored = own.restored, occupied = own.occupied, cancelled = own.cancelled,
          undo_until = own."undoUntil", packets_refused = own."packetsRefused", refused_until = own."refusedUntil",
          table_before = own."tableBefore", table_after = own."tableAfter",
          started_at = own."startedAt", finished_at = own."finishedAt"
        FROM jsonb_to_recordset(${JSON.stringify(own.map(toRecord))}::jsonb) AS own (
          "flushId" uuid, "gatewayId" uuid, reason text, outcomes text,
          deleted int, rebuilt int, gone int, protected int, reappeared int, failed int, indeterminate int, reset int, blocked int,
          expiring int, restored int, occupied int, cancelled int,
          "undoUntil" timestamptz, "packetsRefused" bigint, "refusedUntil" timestamptz,
          "tableBefore" bigint, "tableAfter" bigint, "startedAt" timestamptz, "finishedAt" timestamptz
        )
        WHERE target.flush_id = own."flushId" AND target.gateway_id = own."gatewayId" AND target.state = ANY(${mayBecome(state)})`;
    }
  }

  /** Records the progress of targets, as `move` would, with one statement per state. */
  async progress(
    t: Transaction,
    targets: readonly {
      flushId: string;
      gatewayId: string;
      state: TargetState;
      done: number;
      startedAt: Date;
      confirmUntil?: Date;
    }[],
  ): Promise<void> {
    for (const state of new Set(targets.map((target) => target.state))) {
      const own = targets.filter((target) => target.state === state);
      await t.$executeRaw`
        UPDATE flush_target target SET state = ${state}, done = own.done, reason = NULL, started_at = own.started_at,
          confirm_until = coalesce(own.confirm_until, target.confirm_until)
        FROM unnest(
          ${own.map(({ flushId }) => flushId)}::uuid[],
          ${own.map(({ gatewayId }) => gatewayId)}::uuid[],
          ${own.map(({ done }) => done)}::int[],
          ${own.map(({ startedAt }) => startedAt)}::timestamptz[],
          ${own.map(({ confirmUntil }) => confirmUntil ?? null)}::timestamptz[]
        ) AS own (flush_id, gateway_id, done, started_at, confirm_until)
        WHERE target.flush_id = own.flush_id AND target.gateway_id = own.gateway_id AND target.state = ANY(${mayBecome(state)})`;
    }
  }

  /**
   * Derives the flush's state from its targets; finished once none of them is expected to change. Under the flush's row lock, so that
   * targets which end at the same time see each other. It is the last lock of a transaction, after the audit chain's, so that the order
   * rules out deadlocks.
   */
  async settle(t: Transaction, id: string, now: Date): Promise<void> {
    const [flush] = await t.$queryRaw<
      { stopped_by: string | null }[]
    >`SELECT stopped_by FROM flush WHERE id = ${id}::uuid FOR NO KEY UPDATE`;
    const states = await t.flushTarget.groupBy({ by: ['state'], where: { flushId: id } });
    const state = flushStateOf(
      states.map((row) => row.state as TargetState),
      flush?.stopped_by === BY_RULE,
    );
    await t.flush.updateMany({ where: { id }, data: { state, finishedAt: state === 'running' ? null : now } });
  }
}

/** As JSON: 64-bit numbers as text, bytes as hex. */
function toRecord({ totals, outcomes, packetsRefused, tableBefore, tableAfter, ...rest }: FinishedTarget): object {
  return {
    ...rest,
    ...totals,
    outcomes: Buffer.from(outcomes).toString('hex'),
    packetsRefused: packetsRefused?.toString() ?? null,
    tableBefore: tableBefore?.toString() ?? null,
    tableAfter: tableAfter?.toString() ?? null,
  };
}

/** The states that a target may have before this one, including this one. */
function mayBecome(state: TargetState): TargetState[] {
  return (Object.keys(TARGET_TRANSITIONS) as TargetState[]).filter((old) => old === state || TARGET_TRANSITIONS[old].includes(state));
}
