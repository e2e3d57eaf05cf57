import { Inject, Injectable } from '@nestjs/common';
import { FlowBatch } from '../../proto/gen/ctfleet/v1/flow.ts';
import { RefusedPackets as WireRefused, type Impact as WireImpact } from '../../proto/gen/ctfleet/v1/operation.ts';
import type { Gateway } from '../../proto/http/fleet.ts';
import { BLOCKS_HOSTS, type RefusedPackets } from '../../proto/model/block/packets.ts';
import { fromWireRefused, toWireRefused } from '../../proto/wire/block.ts';
import { CHECKS_DRIFT } from '../../proto/model/drift.ts';
import { FleetError } from '../../proto/model/error-codes.ts';
import type { FlowFilter } from '../../proto/model/filter/filter.ts';
import { toWireFilter } from '../../proto/wire/filter.ts';
import type { MethodWord } from '../../proto/model/method.ts';
import { toWireMethod } from '../../proto/wire/method.ts';
import { demandMet, type Planned } from '../../proto/model/signature-demands.ts';
import { FEW_FLOWS } from '../../proto/model/tenant-limits.ts';
import { whyNot } from '../link/why-not.ts';
import { OwnSignals } from '../flows/own-signals.ts';
import { SearchingService } from '../flows/searching.service.ts';
import { checkFlow } from '../flows/untrusted-flow.ts';
import { whyFilterUnknown, whyUnseen, type GatewayRow } from '../gateways/gateway-view.ts';
import { GatewayQueries } from '../link/gateway-queries.service.ts';
import { CLOCK, type Clock } from '../platform/clock.ts';
import { flowsFrom, textFrom, timeFrom } from '../platform/untrusted.ts';
import { FlowDigest } from './plan-digest.ts';
import type { NewPlanGateway } from './new-plan.ts';

/** A walk of a full table takes seconds; an operator waits for a plan, not for a heartbeat. All gateways have this together. */
const DEADLINE_MS = 30_000;
/** After so long a gateway that is still at it keeps no other from being asked. */
const PATIENCE_MS = 1000;
const MAX_FLOWS = 500_000;
const MAX_SPARED = 50;

/** What one gateway froze, or why it is left out. */
export interface PlanPart {
  gateway: NewPlanGateway;
  impact?: WireImpact;
  /** Its guard file allows this only with a second person's signature. */
  needsSignature?: boolean;
}

/** What gateways are to freeze. */
export interface Freezing {
  id: string;
  method: MethodWord;
  forSeconds?: number;
  maxDrift?: number;
  expiresAtMs: number;
}

/** Asks gateways for their parts of a plan, and checks that what came is what each froze. */
@Injectable()
export class FreezeService {
  constructor(
    @Inject(GatewayQueries) private readonly queries: GatewayQueries,
    @Inject(SearchingService) private readonly searching: SearchingService,
    @Inject(CLOCK) private readonly clock: Clock,
  ) {}

  /**
   * The parts of a plan in the order given: so many gateways are asked at once, beside the searches that run, and all within one deadline;
   * who is slow is left out when it is over. Throws as `freeze` does, and then asks nobody else.
   */
  async freezeAll(gateways: readonly { row: GatewayRow; own: FlowFilter }[], plan: Freezing, asker: AbortSignal): Promise<PlanPart[]> {
    const endsAtMs = this.clock() + DEADLINE_MS;
    const line = this.searching.turns.line();
    const given = new AbortController();
    const stop = AbortSignal.any([asker, given.signal]);
    const signals = new OwnSignals(stop);
    const freezeInTurn = ({ row, own }: { row: GatewayRow; own: FlowFilter }, position: number): Promise<PlanPart> =>
      signals.with((signal) =>
        line.during(signal, PATIENCE_MS, () =>
          this.freeze(row, position, own, plan, { deadlineMs: Math.max(1, endsAtMs - this.clock()), signal }),
        ),
      );
    try {
      return await Promise.all(gateways.map(freezeInTurn));
    } finally {
      given.abort(new FleetError('CANCELLED', 'The plan was given up.'));
    }
  }

  /**
   * Never throws for a gateway that cannot: that is a part left out, with the reason. Throws PLAN_TOO_LARGE, FILTER_UNSUPPORTED and
   * FILTER_NOT_OF_PACKETS, which no plan can leave out.
   */
  private async freeze(
    row: GatewayRow,
    position: number,
    filter: FlowFilter,
    plan: Freezing,
    { deadlineMs, signal }: { deadlineMs: number; signal: AbortSignal },
  ): Promise<PlanPart> {
    const gateway: NewPlanGateway = {
      gatewayId: row.id,
      tenantId: row.tenantId,
      siteId: row.siteId,
      name: row.name,
      position,
      state: 'left-out',
      reason: null,
      flows: 0,
      staleFlows: null,
      tableCount: null,
      snapshotAt: null,
      refused: null,
      spared: [],
      chunks: [],
    };
    const unseen = whyUnseen(row, this.clock());
    if (unseen) return { gateway: { ...gateway, reason: unseen.reason } };
    const refusal = whyRefused(row, plan.method) ?? whyDriftUnseen(row, plan.maxDrift) ?? whyFilterUnknown(row, filter);
    if (refusal !== undefined) return { gateway: { ...gateway, reason: refusal } };
    const digest = new FlowDigest();
    const chunks: NewPlanGateway['chunks'] = [];
    let flows = 0;
    let stale = 0;
    try {
      const { head, end } = await this.queries.ask(
        row.id,
        {
          $case: 'plan',
          value: {
            planId: plan.id,
            filter: toWireFilter(filter),
            method: toWireMethod(plan.method),
            expiresAtMs: BigInt(plan.expiresAtMs),
            maxFlows: MAX_FLOWS,
            forSeconds: plan.forSeconds,
          },
        },
        {
          deadlineMs,
          signal,
          maxFlows: MAX_FLOWS + 1,
          onFlows: (batch) => {
            flows += batch.length;
            stale += batch.filter((flow) => flow.stale !== undefined && flow.stale !== 'no').length;
            if (flows > MAX_FLOWS)
              throw new FleetError('PLAN_TOO_LARGE', `${row.name} has more than ${MAX_FLOWS} matching flows. Narrow the filter.`);
            for (const flow of batch) {
              checkFlow(flow);
              digest.add(flow);
            }
            if (batch.length > 0) chunks.push({ flows: batch.length, batch: new Uint8Array(FlowBatch.encode({ flows: batch }).finish()) });
          },
        },
      );
      const refused = plan.method === 'block' ? refusedFrom(head.refused) : undefined;
      if (refused) digest.refuse(refused);
      const own = digest.finish();
      if (!Buffer.from(own).equals(end.digest))
        throw new FleetError('PLAN_DIGEST_MISMATCH', 'What the gateway sent does not match the digest of what it froze.');
      const beyond = whyBeyondShare(row, flows, stale, Number(head.tableCount));
      if (beyond !== undefined) return { gateway: { ...gateway, reason: beyond } };
      return {
        gateway: {
          // A block refuses what has no flow yet.
          ...gateway,
          state: flows === 0 && !refused?.anyOf.length ? 'empty' : 'ready',
          flows,
          staleFlows: stale,
          refused: refused ? new Uint8Array(WireRefused.encode(toWireRefused(refused)).finish()) : null,
          spared: refused ? head.spared.slice(0, MAX_SPARED).map((reason) => textFrom(reason, 100)) : [],
          chunks,
          digest: own,
          tableCount: BigInt(flowsFrom(head.tableCount)),
          snapshotAt: timeFrom(head.snapshotAtMs, this.clock()) ?? new Date(this.clock()),
        },
        impact: head.impact,
        needsSignature: needsSignature(row, { method: plan.method, flows, tableCount: Number(head.tableCount) }),
      };
    } catch (error) {
      if (
        error instanceof FleetError &&
        (error.code === 'PLAN_TOO_LARGE' || error.code === 'FILTER_UNSUPPORTED' || error.code === 'FILTER_NOT_OF_PACKETS')
      )
        throw error;
      return { gateway: { ...gateway, reason: whyNot(error).reason } };
    }
  }
}

/** What a gateway says that it would refuse. One that says nothing has not understood what it was asked. */
function refusedFrom(wire: WireRefused | undefined): RefusedPackets {
  if (!wire) throw new FleetError('CAPABILITY_MISSING', 'it did not say what it would refuse: update its agent');
  return fromWireRefused(wire);
}

/**
 * Why a gateway would refuse the method, as far as it has said so: it cannot, or its owner does not allow it. The gateway itself holds to
 * it.
 */
function whyRefused({ capabilities, guard }: GatewayRow, method: MethodWord): string | undefined {
  const cannot = (capabilities as Gateway['capabilities'] | null)?.cannot[method];
  if (cannot !== undefined) return `cannot ${method}: ${cannot}`;
  const can = canOf(capabilities);
  if (method === 'block' && !can.includes(BLOCKS_HOSTS))
    return 'its agent is older and refuses only the packets of connections that are open now, so that a blocked host comes back from another port: update it';
  const rules = (guard as Gateway['guard'] | null) ?? undefined;
  if (rules?.error !== undefined) return `its guard file: ${rules.error}`;
  if (rules?.isReadOnly) return 'its guard file lets nothing be ended';
  return rules && rules.methods.length > 0 && !rules.methods.includes(method)
    ? `its guard file allows only ${rules.methods.join(', ')}`
    : undefined;
}

/** The gateway itself holds to it, and counts the last minute too. */
function needsSignature({ guard }: GatewayRow, planned: Planned): boolean {
  return demandMet((guard as Gateway['guard'] | null)?.signedFor ?? [], planned) !== undefined;
}

/** Why a limit of drift would not be held to there. */
function whyDriftUnseen({ capabilities }: GatewayRow, maxDrift: number | undefined): string | undefined {
  return maxDrift === undefined || canOf(capabilities).includes(CHECKS_DRIFT) ? undefined : 'its agent does not look for drift: update it';
}

function canOf(capabilities: GatewayRow['capabilities']): readonly string[] {
  return (capabilities as Gateway['capabilities'] | null)?.can ?? [];
}

/**
 * Why the gateway would not end so many flows of its table at once. It counts the last minute too, so that it may still refuse what passes
 * here.
 */
function whyBeyondShare({ guard }: GatewayRow, flows: number, stale: number, tableCount: number): string | undefined {
  const { mostPercentOfTable, isBuiltIn = false } = (guard as Gateway['guard'] | null) ?? {};
  const counted = isBuiltIn ? flows - stale : flows;
  if (mostPercentOfTable === undefined || (isBuiltIn && counted <= FEW_FLOWS) || counted * 100 <= tableCount * mostPercentOfTable)
    return undefined;
  return `${counted} of ${tableCount} flows are more than the ${mostPercentOfTable} % of its table that it ends within a minute: narrow the filter, or set mostPercentOfTable in its guard file`;
}
