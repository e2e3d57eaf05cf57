import { Injectable } from '@nestjs/common';
import { id as idSchema } from '../../proto/http/common.ts';
import type { Command } from '../generated/prisma/client.ts';
import type { Transaction } from '../platform/database.ts';
import { newId } from '../platform/ids.ts';
import { POLICY } from './subject.ts';

export type NewCommand = Pick<
  Command,
  | 'id'
  | 'tenantId'
  | 'gatewayId'
  | 'flushId'
  | 'planId'
  | 'method'
  | 'forSeconds'
  | 'undoForSeconds'
  | 'maxDrift'
  | 'undoOf'
  | 'notAfter'
  | 'createdAt'
> & { digest: Uint8Array<ArrayBuffer>; approval: Uint8Array<ArrayBuffer> | null };

/** Commands handled by one sweep. */
const SWEEP = 200;

/**
 * Commands and their outbox. States: pending (never left us) ─▶ sent ─▶ received ─▶ finished; pending ─▶ expired | cancelled;
 * sent | received ─▶ indeterminate after a long silence. A command that was sent still accepts a result.
 */
@Injectable()
export class CommandsRepository {
  /**
   * Takes each gateway's next number under its row lock and stores the commands, one per gateway, with their outbox rows. Rows are locked
   * in order of their ids, so that transactions which share gateways cannot deadlock. Returns the gateways that were revoked or set aside:
   * those get no command.
   */
  async insert(t: Transaction, commands: NewCommand[]): Promise<string[]> {
    const rows = await t.$queryRaw<{ id: string; seq: bigint; epoch: bigint | null }[]>`
      WITH locked AS (
        SELECT id FROM gateway
        WHERE id = ANY(${commands.map(({ gatewayId }) => gatewayId)}::uuid[]) AND revoked_at IS NULL AND set_aside_at IS NULL
        ORDER BY id FOR NO KEY UPDATE
      )
      UPDATE gateway SET command_seq = command_seq + 1 FROM locked WHERE gateway.id = locked.id
      RETURNING gateway.id, command_seq AS seq, (SELECT epoch FROM link_session WHERE gateway_id = gateway.id) AS epoch`;
    const numbers = new Map(rows.map((row) => [row.id, row]));
    const numbered = commands.flatMap((command) => {
      const number = numbers.get(command.gatewayId);
      return number ? [{ ...command, seq: number.seq, epoch: number.epoch ?? 0n }] : [];
    });
    await t.command.createMany({ data: numbered.map((command) => ({ ...command, state: 'pending' })) });
    await t.outbox.createMany({
      data: numbered.map(({ id, tenantId, gatewayId, createdAt }) => ({ id: newId(), tenantId, gatewayId, commandId: id, createdAt })),
    });
    return commands.map(({ gatewayId }) => gatewayId).filter((id) => !numbers.has(id));
  }

  /** Unfinished commands of gateways, in order of seq. Commands that were never sent are left out once it is too late to begin them. */
  async unfinished(t: Transaction, gatewayIds: string[], now: Date): Promise<Command[]> {
    return t.command.findMany({
      where: {
        gatewayId: { in: gatewayIds },
        OR: [{ state: { in: ['sent', 'received', 'indeterminate'] } }, { state: 'pending', notAfter: { gt: now } }],
      },
      orderBy: { seq: 'asc' },
    });
  }

  /**
   * Claims commands for sessions before they are written to their streams; returns the ids of those claimed. Not claimed: commands that are
   * finished or too late to begin, or an epoch that is not its gateway's newest (I10).
   */
  async claim(t: Transaction, wanted: readonly { id: string; epoch: bigint }[], now: Date): Promise<Set<string>> {
    const rows = await t.$queryRaw<{ id: string }[]>`
      WITH locked AS (SELECT id FROM command WHERE id = ANY(${wanted.map(({ id }) => id)}::uuid[]) ORDER BY id FOR NO KEY UPDATE)
      UPDATE command
      SET state = CASE WHEN state = 'pending' THEN 'sent' ELSE state END, sent_at = coalesce(sent_at, ${now}), epoch = own.epoch,
        first_epoch = coalesce(first_epoch, own.epoch)
      FROM locked
      JOIN unnest(${wanted.map(({ id }) => id)}::uuid[], ${wanted.map(({ epoch }) => epoch)}::bigint[]) AS own (id, epoch)
        ON own.id = locked.id
      WHERE command.id = locked.id AND (state IN ('sent', 'received', 'indeterminate') OR (state = 'pending' AND not_after > ${now}))
        AND EXISTS (SELECT 1 FROM link_session WHERE gateway_id = command.gateway_id AND epoch = own.epoch)
      RETURNING command.id`;
    return new Set(rows.map(({ id }) => id));
  }

  /** What is to hold on the gateways of those that put a policy in force, by the command's id. */
  async documents(t: Transaction, commands: readonly Command[]): Promise<Map<string, string>> {
    const own = commands.filter(({ method, undoOf }) => method === POLICY && undoOf === null);
    if (own.length === 0) return new Map();
    const rows = await t.policyRolloutGateway.findMany({
      where: { OR: own.map(({ planId, gatewayId }) => ({ planId, gatewayId })) },
      select: { planId: true, gatewayId: true, document: true },
    });
    const documents = new Map(rows.map(({ planId, gatewayId, document }) => [`${planId} ${gatewayId}`, document]));
    return new Map(
      own.flatMap(({ id, planId, gatewayId }) => {
        const document = documents.get(`${planId} ${gatewayId}`);
        return document === undefined || document === null ? [] : [[id, document]];
      }),
    );
  }

  /** The commands that a plan takes back, by gateway: of one that undoes a roll-out. */
  async undoneBy(t: Transaction, planId: string): Promise<Map<string, string>> {
    const rows = await t.policyRolloutGateway.findMany({
      where: { planId, undoOf: { not: null } },
      select: { gatewayId: true, undoOf: true },
    });
    return new Map(rows.map(({ gatewayId, undoOf }) => [gatewayId, undoOf!]));
  }

  /**
   * The commands that belong to these gateways, by id; ids from agents may be malformed. Locked in order of their ids, so that transactions
   * which lock several cannot deadlock.
   */
  async lockOwn(t: Transaction, said: readonly { commandId: string; gatewayId: string }[]): Promise<Map<string, Command>> {
    const places = said.filter(({ commandId }) => idSchema.safeParse(commandId).success);
    const rows = await t.$queryRaw<{ id: string }[]>`
      SELECT command.id
      FROM command
      JOIN unnest(${places.map(({ commandId }) => commandId)}::uuid[], ${places.map(({ gatewayId }) => gatewayId)}::uuid[])
        AS own (id, gateway_id)
        ON command.id = own.id AND command.gateway_id = own.gateway_id
      ORDER BY command.id FOR NO KEY UPDATE OF command`;
    const commands = await t.command.findMany({ where: { id: { in: rows.map(({ id }) => id) } } });
    return new Map(commands.map((command) => [command.id, command]));
  }

  /**
   * The number of flows in the plan of a command of this gateway, and whether its result is recorded; undefined for another gateway's
   * command and for a malformed id.
   */
  async plannedOf(t: Transaction, gatewayId: string, commandId: string): Promise<{ planned: number; isFinished: boolean } | undefined> {
    if (!idSchema.safeParse(commandId).success) return undefined;
    const [row] = await t.$queryRaw<{ planned: number; is_finished: boolean }[]>`
      SELECT target.planned, command.state = 'finished' AS is_finished
      FROM command
      JOIN flush_target target ON target.flush_id = command.flush_id AND target.gateway_id = command.gateway_id
      WHERE command.id = ${commandId}::uuid AND command.gateway_id = ${gatewayId}::uuid`;
    return row && { planned: row.planned, isFinished: row.is_finished };
  }

  /**
   * The command of a policy that this gateway may confirm on this session: sent first on an earlier one, without a result, and not stopped;
   * the session is the gateway's newest (I10). Locked; undefined for every other command and for a malformed id.
   */
  async lockConfirmable(t: Transaction, gatewayId: string, commandId: string, epoch: bigint): Promise<Command | undefined> {
    if (!idSchema.safeParse(commandId).success) return undefined;
    const rows = await t.$queryRaw<{ id: string }[]>`
      SELECT command.id FROM command
      WHERE command.id = ${commandId}::uuid AND command.gateway_id = ${gatewayId}::uuid AND method = ${POLICY}
        AND state IN ('sent', 'received', 'indeterminate') AND stopped_at IS NULL AND first_epoch < ${epoch}
        AND EXISTS (SELECT 1 FROM link_session WHERE gateway_id = command.gateway_id AND epoch = ${epoch})
      FOR NO KEY UPDATE OF command`;
    return rows.length === 0 ? undefined : ((await t.command.findUnique({ where: { id: commandId } })) ?? undefined);
  }

  /** Commands of a gateway that were sent and have no result, locked in order of their ids. */
  async lockUnanswered(t: Transaction, gatewayId: string): Promise<Command[]> {
    const rows = await t.$queryRaw<
      { id: string }[]
    >`SELECT id FROM command WHERE gateway_id = ${gatewayId}::uuid AND state IN ('sent', 'received') ORDER BY id FOR NO KEY UPDATE`;
    return t.command.findMany({ where: { id: { in: rows.map(({ id }) => id) } }, orderBy: { id: 'asc' } });
  }

  /** Continues from `lastSeq` if the gateway has seen that number; commands that were never sent are renumbered, in their order. */
  async countOnFrom(t: Transaction, gatewayId: string, lastSeq: bigint): Promise<void> {
    await t.$queryRaw`SELECT 1 FROM gateway WHERE id = ${gatewayId}::uuid FOR NO KEY UPDATE`;
    const renumbered = await t.$executeRaw`
      UPDATE command SET seq = ${lastSeq} + own.place
      FROM (
        SELECT id, row_number() OVER (ORDER BY seq) AS place
        FROM command
        WHERE gateway_id = ${gatewayId}::uuid AND state = 'pending' AND seq <= ${lastSeq}
      ) AS own
      WHERE command.id = own.id`;
    await t.$executeRaw`
      UPDATE gateway SET command_seq = greatest(command_seq, ${lastSeq + BigInt(renumbered)}) WHERE id = ${gatewayId}::uuid`;
  }

  async received(t: Transaction, ids: string[], now: Date): Promise<void> {
    await t.command.updateMany({
      where: { id: { in: ids }, state: { in: ['sent', 'indeterminate'] } },
      data: { state: 'received', receivedAt: now },
    });
    await t.outbox.deleteMany({ where: { commandId: { in: ids } } });
  }

  async finish(t: Transaction, ids: string[], now: Date): Promise<void> {
    await t.command.updateMany({ where: { id: { in: ids } }, data: { state: 'finished', finishedAt: now } });
    await t.outbox.deleteMany({ where: { commandId: { in: ids } } });
  }

  /** Locks what `cancel` and `markStopped` may change, in the global order of command locks. */
  async lockOfFlush(t: Transaction, flushId: string): Promise<void> {
    await t.$queryRaw`
      SELECT id FROM command
      WHERE flush_id = ${flushId}::uuid AND state IN ('pending', 'sent', 'received')
      ORDER BY id FOR NO KEY UPDATE`;
  }

  /** Cancels commands of a flush for these gateways that were never sent; returns their gateways. */
  async cancel(t: Transaction, flushId: string, gatewayIds: string[], now: Date): Promise<string[]> {
    const cancelled = await t.command.updateManyAndReturn({
      where: { flushId, gatewayId: { in: gatewayIds }, state: 'pending' },
      data: { state: 'cancelled', finishedAt: now },
      select: { id: true, gatewayId: true },
    });
    await t.outbox.deleteMany({ where: { commandId: { in: cancelled.map((command) => command.id) } } });
    return cancelled.map((command) => command.gatewayId);
  }

  /** Marks commands of a flush for these gateways that were sent, so that a stop is sent for them; returns those gateways. */
  async markStopped(t: Transaction, flushId: string, gatewayIds: string[], now: Date): Promise<string[]> {
    const rows = await t.command.updateManyAndReturn({
      where: { flushId, gatewayId: { in: gatewayIds }, state: { in: ['sent', 'received'] }, stoppedAt: null },
      data: { stoppedAt: now },
      select: { gatewayId: true },
    });
    return rows.map((row) => row.gatewayId);
  }

  async ofFlush(t: Transaction, flushId: string): Promise<Command[]> {
    return t.command.findMany({ where: { flushId } });
  }

  /** Commands that were not sent in time. */
  async tooLate(t: Transaction, now: Date): Promise<Command[]> {
    return t.command.findMany({ where: { state: 'pending', notAfter: { lte: now } }, orderBy: { id: 'asc' }, take: SWEEP });
  }

  /**
   * Commands sent to gateways whose link is closed or silent since `silentSince`, with a deadline before `before`; a policy may have been
   * in force since then for as long as it waits to be confirmed.
   */
  async unanswered(t: Transaction, before: Date, silentSince: Date): Promise<Command[]> {
    const rows = await t.$queryRaw<{ id: string }[]>`
      SELECT command.id FROM command JOIN link_session link ON link.gateway_id = command.gateway_id
      WHERE command.state IN ('sent', 'received')
        AND command.not_after
          + CASE method WHEN ${POLICY} THEN make_interval(secs => coalesce(for_seconds, 0)) ELSE interval '0' END <= ${before}
        AND (link.closed_at IS NOT NULL OR link.last_heard_at <= ${silentSince})
      ORDER BY command.id LIMIT ${SWEEP}`;
    return t.command.findMany({ where: { id: { in: rows.map((row) => row.id) } } });
  }

  /** Ends a command if it is still in the state in which it was found; false if its state changed since. */
  async end(t: Transaction, command: Command, state: 'expired' | 'indeterminate'): Promise<boolean> {
    const isEnded = (await t.command.updateMany({ where: { id: command.id, state: command.state }, data: { state } })).count === 1;
    if (isEnded) await t.outbox.deleteMany({ where: { commandId: command.id } });
    return isEnded;
  }
}
