import { Injectable } from '@nestjs/common';
import type { ApprovalSignature } from '../audit/approval-signature.ts';
import { Prisma, type Plan, type PlanApproval } from '../generated/prisma/client.ts';
import type { Transaction } from '../platform/database.ts';
import { inBatches } from './chunk-batches.ts';
import type { NewPlanGateway } from './new-plan.ts';
import type { PlanRow } from './plan-view.ts';

export interface NewPlan extends Omit<Plan, 'impact' | 'flowsDroppedAt'> {
  impact: Prisma.InputJsonObject;
  gateways: NewPlanGateway[];
}

export interface NewApproval extends Omit<PlanApproval, 'signature'> {
  /** Absent for one that was not signed. */
  signature?: ApprovalSignature;
}

/** Plans are written once and never changed; the database role could not. */
@Injectable()
export class PlansRepository {
  async insert(t: Transaction, { gateways, ...plan }: NewPlan): Promise<void> {
    await t.plan.create({ data: plan });
    await t.planGateway.createMany({
      data: gateways.map(({ chunks, ...gateway }) => ({
        ...gateway,
        planId: plan.id,
        flows: chunks.length === 0 ? gateway.flows : chunks.reduce((sum, chunk) => sum + chunk.flows, 0),
      })),
    });
    const rows = gateways.flatMap(({ chunks, gatewayId, tenantId }) =>
      chunks.map((chunk, part) => ({ planId: plan.id, gatewayId, tenantId, part, ...chunk })),
    );
    for (const data of inBatches(rows)) await t.planChunk.createMany({ data });
  }

  async find(t: Transaction, id: string): Promise<PlanRow | undefined> {
    const row = await t.plan.findUnique({
      where: { id },
      include: { gateways: { orderBy: { position: 'asc' } }, approval: true, flushes: { where: { kind: 'run' }, select: { id: true } } },
    });
    if (!row) return undefined;
    const { flushes, gateways, ...plan } = row;
    const tagged = await t.gateway.findMany({
      where: { id: { in: gateways.map(({ gatewayId }) => gatewayId) } },
      select: { id: true, tags: true },
    });
    const tags = new Map(tagged.map((gateway) => [gateway.id, gateway.tags]));
    return {
      ...plan,
      gateways: gateways.map((gateway) => ({ ...gateway, tags: tags.get(gateway.gatewayId) ?? [] })),
      flush: flushes[0] ?? null,
    };
  }

  /** Throws a unique violation if somebody approved it before. */
  async approve(t: Transaction, { signature, ...approval }: NewApproval): Promise<void> {
    await t.planApproval.create({ data: { ...approval, signature: signature ?? Prisma.DbNull } });
  }

  /** Of the second person, if there was one. */
  async approval(t: Transaction, planId: string): Promise<PlanApproval | null> {
    return t.planApproval.findUnique({ where: { planId } });
  }

  /** What each gateway froze. */
  async digests(t: Transaction, planId: string): Promise<Map<string, Uint8Array>> {
    const rows = await t.planGateway.findMany({ where: { planId }, select: { gatewayId: true, digest: true } });
    return new Map(rows.flatMap((row) => (row.digest ? [[row.gatewayId, row.digest]] : [])));
  }

  /** How many flows each stored chunk of a plan holds, in the plan's order; of one tenant or gateway, or of all. */
  async chunkSizes(
    t: Transaction,
    planId: string,
    part: { tenantId?: string; gatewayId?: string },
  ): Promise<{ gatewayId: string; part: number; flows: number }[]> {
    const chunks = await t.planChunk.findMany({
      where: { planId, ...part },
      select: { gatewayId: true, part: true, flows: true, gateway: { select: { position: true } } },
    });
    return chunks.toSorted((a, b) => a.gateway.position - b.gateway.position || a.part - b.part);
  }

  async chunks(
    t: Transaction,
    planId: string,
    wanted: { gatewayId: string; part: number }[],
  ): Promise<{ gatewayId: string; part: number; batch: Uint8Array }[]> {
    return t.planChunk.findMany({ where: { planId, OR: wanted }, select: { gatewayId: true, part: true, batch: true } });
  }

  /**
   * SHA-256 over a gateway's stored flows in the plan's order and then their outcomes, as hex; of each part that is asked for. Made where
   * the flows are.
   */
  async evidence(t: Transaction, parts: readonly { planId: string; gatewayId: string; outcomes: Uint8Array }[]): Promise<string[]> {
    const rows = await t.$queryRaw<{ place: bigint; sha256: string }[]>`
      SELECT part.place, encode(sha256(coalesce(string_agg(chunk.batch, ''::bytea ORDER BY chunk.part), ''::bytea) || decode(part.outcomes, 'hex')), 'hex') AS sha256
      FROM unnest(${parts.map(({ planId }) => planId)}::uuid[], ${parts.map(({ gatewayId }) => gatewayId)}::uuid[], ${parts.map(({ outcomes }) => Buffer.from(outcomes).toString('hex'))}::text[])
        WITH ORDINALITY AS part (plan_id, gateway_id, outcomes, place)
      LEFT JOIN plan_chunk chunk ON chunk.plan_id = part.plan_id AND chunk.gateway_id = part.gateway_id
      GROUP BY part.place, part.outcomes ORDER BY part.place`;
    return rows.map(({ sha256 }) => sha256);
  }

  /** The outcomes of a plan's flows by gateway, as far as they are known: of its run, or of the flush that is named. */
  async outcomes(t: Transaction, planId: string, flushId?: string): Promise<Map<string, Uint8Array>> {
    const targets = await t.flushTarget.findMany({
      where: { flush: { planId, ...(flushId === undefined ? { kind: 'run' } : { id: flushId }) }, outcomes: { not: null } },
      select: { gatewayId: true, outcomes: true },
    });
    return new Map(targets.flatMap((target) => (target.outcomes ? [[target.gatewayId, target.outcomes]] : [])));
  }
}
