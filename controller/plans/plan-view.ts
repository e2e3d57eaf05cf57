import type { Plan as PlanView } from '../../proto/http/plans.ts';
import type { ApprovalSignature } from '../audit/approval-signature.ts';
import type { Plan, PlanApproval, PlanGateway } from '../generated/prisma/client.ts';
import { planDigest, type PlanPart, type PlanWay } from '../../proto/signing/plan-statement.ts';
import { shownTime } from '../platform/cursor.ts';
import { flowsFrom } from '../platform/untrusted.ts';
import { refusesAnyone, toRefusedView } from '../blocks/block-view.ts';
import type { LimitedPart } from './may-end.ts';
import { toWaves, waveSizes } from './waves.ts';

/** A plan with its parts and the tags that their gateways have now, who agreed to it, and the flush if it ran. */
export type PlanRow = Plan & {
  gateways: (PlanGateway & { tags: string[] })[];
  approval: PlanApproval | null;
  flush: { id: string } | null;
};

/** How the plan ends flows, as it is signed. */
export function wayOf({ method, forSeconds, maxDrift }: Pick<Plan, 'method' | 'forSeconds' | 'maxDrift'>): PlanWay {
  return { method, forSeconds: forSeconds ?? undefined, maxDrift: maxDrift ?? undefined };
}

/** The digest of a plan by what is stored of it. */
export function digestOfPlan({ gateways, ...plan }: PlanRow): string {
  return planDigest(wayOf(plan), partsOf(gateways));
}

/** What gateways froze; one that was left out has frozen nothing. */
export function partsOf(gateways: readonly { gatewayId: string; digest?: Uint8Array | null }[]): PlanPart[] {
  return gateways.flatMap(({ gatewayId, digest }) => (digest ? [{ gatewayId, digest }] : []));
}

/** A gateway's part as limits are held against it. */
export function toLimitedPart({
  tenantId,
  gatewayId,
  flows,
  tableCount,
  refused,
}: Pick<PlanGateway, 'tenantId' | 'gatewayId' | 'flows' | 'tableCount' | 'refused'>): LimitedPart {
  return {
    tenantId,
    gatewayId,
    flows,
    tableCount: tableCount === null ? undefined : Number(tableCount),
    refusesAnyone: refused !== null && refusesAnyone(refused),
  };
}

/** The plan as the API shows it; those left out come first. */
export function toPlanView(row: PlanRow, nowMs: number): PlanView {
  const touched = row.gateways.filter((gateway) => gateway.state === 'ready');
  return {
    id: row.id,
    state: row.flush ? 'run' : row.expiresAt.getTime() <= nowMs ? 'expired' : 'ready',
    digest: row.digest,
    createdAt: row.createdAt.toISOString(),
    expiresAt: row.expiresAt.toISOString(),
    filter: row.filter,
    isEverything: row.isEverything,
    method: row.method as PlanView['method'],
    reason: row.reason,
    ticket: row.ticket ?? undefined,
    totals: {
      flows: touched.reduce((sum, gateway) => sum + gateway.flows, 0),
      gateways: touched.length,
      sites: new Set(touched.map((gateway) => gateway.siteId)).size,
      leftOut: row.gateways.filter((gateway) => gateway.state === 'left-out').length,
    },
    waves: waveSizes(toWaves(touched, true)),
    impact: row.impact as PlanView['impact'],
    forSeconds: row.forSeconds ?? undefined,
    undoForSeconds: row.undoForSeconds,
    maxDrift: row.maxDrift ?? undefined,
    approval: row.approval ? toApprovalView(row.approval) : undefined,
    needsSignature: row.needsSignature,
    friction: row.friction as PlanView['friction'],
    gateways: row.gateways
      .toSorted((a, b) => rank(a.state) - rank(b.state) || a.position - b.position)
      .map((gateway) => ({
        id: gateway.gatewayId,
        name: gateway.name,
        tenantId: gateway.tenantId,
        siteId: gateway.siteId,
        state: gateway.state as PlanView['gateways'][number]['state'],
        reason: gateway.reason ?? undefined,
        flows: gateway.flows,
        staleFlows: gateway.staleFlows ?? undefined,
        tableCount: gateway.tableCount === null ? undefined : flowsFrom(gateway.tableCount),
        digest: gateway.digest ? Buffer.from(gateway.digest).toString('hex') : undefined,
        snapshotAt: shownTime(gateway.snapshotAt),
        refused: gateway.refused ? toRefusedView(gateway.refused) : undefined,
        spared: gateway.spared,
      })),
    createdBy: row.createdByName,
    flushId: row.flush?.id,
  };
}

/** Who approved, and with which passkey. */
export function toApprovalView({ approvedByName, approvedAt, signature }: PlanApproval): NonNullable<PlanView['approval']> {
  return { by: approvedByName, at: approvedAt.toISOString(), passkey: (signature as ApprovalSignature | null)?.passkey };
}

/** What gateways froze of a block, each text once; nothing of other ways. */
export function refusalsOf(gateways: readonly { refused: Uint8Array | null }[]): { refused?: string[] } {
  const words = new Set(gateways.flatMap(({ refused }) => (refused ? [toRefusedView(refused).words] : [])));
  return words.size === 0 ? {} : { refused: [...words] };
}

function rank(state: string): number {
  return state === 'left-out' ? 0 : 1;
}
