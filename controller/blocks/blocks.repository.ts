import { Injectable } from '@nestjs/common';
import { id as idSchema } from '../../proto/http/common.ts';
import type { Block } from '../generated/prisma/client.ts';
import type { Transaction } from '../platform/database.ts';
import { newId } from '../platform/ids.ts';

/** A block as reported by its gateway. */
export type SaidBlock = Pick<Block, 'name' | 'flows' | 'packetsRefused' | 'since' | 'until'> & { refused: Uint8Array<ArrayBuffer> };

const MAX_LISTED = 1000;
/** Ended blocks kept per gateway; the audit trail keeps all of them. */
const MAX_KEPT = 500;

/** What is blocked now, and what has to be lifted. */
@Injectable()
export class BlocksRepository {
  /**
   * Replaces what a gateway reported before by what it reports now; blocks that it no longer names have ended. Returns the names of those
   * to lift.
   */
  async replace(
    t: Transaction,
    gateway: { gatewayId: string; tenantId: string },
    said: readonly SaidBlock[],
    now: Date,
  ): Promise<string[]> {
    const { gatewayId, tenantId } = gateway;
    const known = await t.block.findMany({ where: { gatewayId, overAt: null }, select: { id: true, name: true, liftedBy: true } });
    const named = new Set(said.map(({ name }) => name));
    await t.block.updateMany({
      where: { id: { in: known.filter(({ name }) => !named.has(name)).map(({ id }) => id) } },
      data: { overAt: now },
    });
    let isNew = false;
    for (const { name, refused, ...counts } of said) {
      const before = known.find((one) => one.name === name);
      if (before)
        await t.block.update({
          where: { id: before.id },
          data: { flows: counts.flows, packetsRefused: counts.packetsRefused, until: counts.until },
        });
      else await this.add(t, { gatewayId, tenantId }, { name, refused, ...counts });
      isNew ||= !before;
    }
    if (isNew) {
      await t.$executeRaw`
        DELETE FROM block WHERE gateway_id = ${gatewayId}::uuid AND over_at IS NOT NULL AND id NOT IN (
          SELECT id FROM block WHERE gateway_id = ${gatewayId}::uuid AND over_at IS NOT NULL ORDER BY over_at DESC, id LIMIT ${MAX_KEPT})`;
    }
    return known.filter(({ name, liftedBy }) => liftedBy !== null && named.has(name)).map(({ name }) => name);
  }

  private async add(t: Transaction, { gatewayId, tenantId }: { gatewayId: string; tenantId: string }, said: SaidBlock): Promise<void> {
    const gateway = await t.gateway.findUniqueOrThrow({ where: { id: gatewayId }, select: { name: true } });
    const isId = idSchema.safeParse(said.name).success;
    const command = isId ? await t.command.findFirst({ where: { id: said.name, gatewayId }, select: { flushId: true } }) : null;
    const flush = command && (await t.flush.findUnique({ where: { id: command.flushId }, select: { createdByName: true } }));
    const data = {
      ...said,
      flushId: command?.flushId ?? null,
      begunBy: flush?.createdByName ?? 'a remediation on the gateway',
      overAt: null,
    };
    await t.block.upsert({
      where: { gatewayId_name: { gatewayId, name: said.name } },
      update: { overAt: null, until: said.until, packetsRefused: said.packetsRefused },
      create: { ...data, id: newId(), tenantId, gatewayId, gatewayName: gateway.name },
    });
  }

  /** Active blocks, as far as is known; those that end last come first. */
  async list(
    t: Transaction,
    { tenant, gateway, flush }: { tenant?: string; gateway?: string; flush?: string },
    now: Date,
  ): Promise<Block[]> {
    return t.block.findMany({
      where: { tenantId: tenant, gatewayId: gateway, flushId: flush, overAt: null, until: { gt: now } },
      orderBy: [{ until: 'desc' }, { id: 'asc' }],
      take: MAX_LISTED,
    });
  }

  /** Locks the row until the transaction ends. */
  async lock(t: Transaction, id: string): Promise<Block | undefined> {
    await t.$queryRaw`SELECT 1 FROM block WHERE id = ${id}::uuid FOR NO KEY UPDATE`;
    return (await t.block.findUnique({ where: { id } })) ?? undefined;
  }

  async lift(t: Transaction, id: string, liftedBy: string): Promise<Block> {
    return t.block.update({ where: { id }, data: { liftedBy } });
  }

  /** What gateways still have to lift, by gateway. */
  async toLift(t: Transaction, gatewayIds: readonly string[]): Promise<{ gatewayId: string; name: string }[]> {
    return t.block.findMany({
      where: { gatewayId: { in: [...gatewayIds] }, overAt: null, liftedBy: { not: null } },
      select: { gatewayId: true, name: true },
    });
  }
}
