import { Inject, Injectable } from '@nestjs/common';
import type { Query } from '../../proto/gen/ctfleet/v1/link.ts';
import type { GatewayPolicy } from '../../proto/http/policies.ts';
import { READS_POLICY, type PolicyReading } from '../../proto/model/policy/gateway-reading.ts';
import { fromWirePolicyReading } from '../../proto/wire/policy.ts';
import { abilityOf, linkState, offlineReason, type GatewayRow } from '../gateways/gateway-view.ts';
import { GatewayQueries, type Answer } from '../link/gateway-queries.service.ts';
import { whyNot } from '../link/why-not.ts';
import { CLOCK, type Clock } from '../platform/clock.ts';
import { CONFIG, type Config } from '../platform/config.ts';
import { timeFrom } from '../platform/untrusted.ts';
import { cleaned } from './reading-view.ts';

export type Unanswered = Pick<GatewayPolicy, 'reason'> & { state: 'slow' | 'offline' | 'failed' };
export const NOTHING_TOLD: Unanswered = { state: 'failed', reason: 'its agent answered without what was asked for' };

/** Asks gateways how they track, at the moment of the call. One that does not answer is told with the reason. */
@Injectable()
export class GatewayReadings {
  constructor(
    @Inject(GatewayQueries) private readonly queries: GatewayQueries,
    @Inject(CONFIG) private readonly config: Config,
    @Inject(CLOCK) private readonly clock: Clock,
  ) {}

  /** What the gateway is set to, with texts that can be stored and shown. */
  async read(row: GatewayRow, signal: AbortSignal): Promise<{ reading: PolicyReading; at: Date } | Unanswered> {
    const asked = await this.ask(row, READS_POLICY, { $case: 'policy', value: {} }, signal);
    if (!('answer' in asked)) return asked;
    const { policy } = asked.answer.head;
    return policy ? { reading: cleaned(fromWirePolicyReading(policy)), at: asked.at } : NOTHING_TOLD;
  }

  async ask(
    row: GatewayRow,
    ability: string,
    ask: NonNullable<Query['ask']>,
    signal: AbortSignal,
  ): Promise<{ answer: Answer; at: Date } | Unanswered> {
    const unasked = whyUnasked(row, ability, this.clock());
    if (unasked) return unasked;
    try {
      const asking = { deadlineMs: this.config.searchDeadlineMs, maxFlows: 0, signal, onFlows: () => undefined };
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
