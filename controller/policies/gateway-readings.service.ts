import { Inject, Injectable } from '@nestjs/common';
import type { Query } from '../../proto/gen/ctfleet/v1/link.ts';
import type { GatewayPolicy } from '../../proto/http/policies.ts';
import type { PolicyEffectsView } from '../../proto/http/policy-plans.ts';
import type { Flow } from '../../proto/model/flow.ts';
import type { PolicyValues } from '../../proto/model/policy/document.ts';
import { PLANS_POLICY, READS_POLICY, type PolicyReading } from '../../proto/model/policy/gateway-reading.ts';
import { fromWirePolicyReading } from '../../proto/wire/policy.ts';
import { abilityOf, linkState, offlineReason, type GatewayRow } from '../gateways/gateway-view.ts';
import { flowFrom } from '../flows/untrusted-flow.ts';
import { GatewayQueries, type Answer, type Asking } from '../link/gateway-queries.service.ts';
import { whyNot } from '../link/why-not.ts';
import { CLOCK, type Clock } from '../platform/clock.ts';
import { CONFIG, type Config } from '../platform/config.ts';
import { timeFrom } from '../platform/untrusted.ts';
import { documentOf, toEffectsView } from './planned-effects.ts';
import { cleaned } from './reading-view.ts';
import { RecentReadings } from './recent-readings.ts';

/** What was read for a plan. */
export interface PlanReading {
  reading: PolicyReading;
  at: Date;
  /** Absent where the agent is older. */
  effects?: PolicyEffectsView;
}

/** A larger one is asked for again rather than kept. */
const MAX_KEPT_ROWS = 100;

export type Unanswered = Pick<GatewayPolicy, 'reason'> & { state: 'slow' | 'offline' | 'failed' };
export const NOTHING_TOLD: Unanswered = { state: 'failed', reason: 'its agent answered without what was asked for' };

/** Asks gateways how they track, at the moment of the call. One that does not answer is told with the reason. */
@Injectable()
export class GatewayReadings {
  private readonly recent: RecentReadings<PlanReading>;

  constructor(
    @Inject(GatewayQueries) private readonly queries: GatewayQueries,
    @Inject(CONFIG) private readonly config: Config,
    @Inject(CLOCK) private readonly clock: Clock,
  ) {
    this.recent = new RecentReadings(clock);
  }

  /** What the gateway is set to, with texts that can be stored and shown. */
  async read(row: GatewayRow, signal: AbortSignal): Promise<{ reading: PolicyReading; at: Date } | Unanswered> {
    const asked = await this.ask(row, READS_POLICY, { $case: 'policy', value: {} }, signal);
    if (!('answer' in asked)) return asked;
    const { policy } = asked.answer.head;
    return policy ? { reading: cleaned(fromWirePolicyReading(policy)), at: asked.at } : NOTHING_TOLD;
  }

  /**
   * The same, and what the values would do to the flows that are there now. An agent that can tell that is asked for both at once, so that
   * they are of one moment.
   * @param options.maxFlows rows of those that would be stopped
   * @param options.isRecentEnough what was read within the last seconds will do, for whoever has it compared again before anything is set
   */
  async plan(
    row: GatewayRow,
    values: PolicyValues,
    { maxFlows, isRecentEnough = false }: { maxFlows: number; isRecentEnough?: boolean },
    signal: AbortSignal,
  ): Promise<PlanReading | Unanswered> {
    const document = documentOf(values);
    if (document === undefined || !abilityOf(row, PLANS_POLICY).can) return this.read(row, signal);
    const key = JSON.stringify([row.id, maxFlows, document]);
    const recent = isRecentEnough && !whyUnasked(row, PLANS_POLICY, this.clock()) ? this.recent.take(key) : undefined;
    if (recent) return recent;
    const stopped: Flow[] = [];
    const ask = { $case: 'policyPlan' as const, value: { document, maxFlows } };
    const asked = await this.ask(row, PLANS_POLICY, ask, signal, { maxFlows, onFlows: (wire) => void stopped.push(...wire.map(flowFrom)) });
    if (!('answer' in asked)) return asked;
    const { policy, policyEffects, total } = asked.answer.head;
    if (!policy) return NOTHING_TOLD;
    const reading = cleaned(fromWirePolicyReading(policy));
    const read = { reading, at: asked.at, ...(policyEffects && { effects: toEffectsView(policyEffects, total, stopped, row.id) }) };
    if (reading.foreign.rules.length + stopped.length <= MAX_KEPT_ROWS) this.recent.keep(key, read);
    return read;
  }

  async ask(
    row: GatewayRow,
    ability: string,
    ask: NonNullable<Query['ask']>,
    signal: AbortSignal,
    rows: Pick<Asking, 'maxFlows' | 'onFlows'> = { maxFlows: 0, onFlows: () => undefined },
  ): Promise<{ answer: Answer; at: Date } | Unanswered> {
    const unasked = whyUnasked(row, ability, this.clock());
    if (unasked) return unasked;
    try {
      const asking = { deadlineMs: this.config.searchDeadlineMs, signal, ...rows };
      const answer = await this.queries.ask(row.id, ask, asking);
      const nowMs = this.clock();
      return { answer, at: timeFrom(answer.head.snapshotAtMs, nowMs) ?? new Date(nowMs) };
    } catch (error) {
      return whyNot(error);
    }
  }
}

function whyUnasked(row: GatewayRow, ability: string, nowMs: number): Unanswered | undefined {
  const state = linkState(row, nowMs);
  if (state.state !== 'online') return { state: 'offline', reason: offlineReason(state) };
  const { can, why } = abilityOf(row, ability);
  return can ? undefined : { state: 'failed', reason: why ?? 'its agent is older and cannot tell; update it' };
}
