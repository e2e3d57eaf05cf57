import { Inject, Injectable } from '@nestjs/common';
import type { z } from 'zod';
import type { Query } from '../../proto/gen/ctfleet/v1/link.ts';
import type { explainTracking, GatewayPolicy } from '../../proto/http/policies.ts';
import { parseAddress } from '../../proto/model/address.ts';
import { FleetError } from '../../proto/model/error-codes.ts';
import { EXPLAINS_TRACKING, READS_POLICY, type AskedPacket } from '../../proto/model/policy/gateway-reading.ts';
import { protocolNumber } from '../../proto/model/protocol.ts';
import { fromWireExplanation, fromWirePolicyReading, toWireAskedPacket } from '../../proto/wire/policy.ts';
import { abilityOf, linkState, offlineReason, type GatewayRow } from '../gateways/gateway-view.ts';
import { GatewaysRepository } from '../gateways/gateways.repository.ts';
import { GatewayQueries, type Answer } from '../link/gateway-queries.service.ts';
import { whyNot } from '../link/why-not.ts';
import { CLOCK, type Clock } from '../platform/clock.ts';
import { CONFIG, type Config } from '../platform/config.ts';
import { Database } from '../platform/database.ts';
import type { TenantScope } from '../platform/tenant-scope.ts';
import { timeFrom } from '../platform/untrusted.ts';
import { toActualView, toExplanationView } from './reading-view.ts';

type Explanation = z.output<typeof explainTracking.response>;
type Unanswered = Pick<GatewayPolicy, 'reason'> & { state: 'slow' | 'offline' | 'failed' };
type Asked = { answer: Answer; at: Date } | Unanswered;

/** How gateways track, asked from them at the moment of the call. */
@Injectable()
export class PoliciesService {
  constructor(
    @Inject(GatewaysRepository) private readonly gateways: GatewaysRepository,
    @Inject(GatewayQueries) private readonly queries: GatewayQueries,
    @Inject(Database) private readonly database: Database,
    @Inject(CONFIG) private readonly config: Config,
    @Inject(CLOCK) private readonly clock: Clock,
  ) {}

  /** What the gateway is set to. One that does not answer is told with the reason. Throws NOT_FOUND. */
  async get(scope: TenantScope, gatewayId: string, signal: AbortSignal): Promise<GatewayPolicy> {
    const asked = await this.ask(scope, gatewayId, READS_POLICY, { $case: 'policy', value: {} }, signal);
    if (!('answer' in asked)) return { gatewayId, ...asked };
    const { policy } = asked.answer.head;
    if (!policy) return { gatewayId, ...NOTHING_TOLD };
    return { gatewayId, state: 'answered', actual: toActualView(fromWirePolicyReading(policy), asked.at) };
  }

  /** What the gateway's rules do with the first packet of a flow. Throws NOT_FOUND. */
  async explain(
    scope: TenantScope,
    gatewayId: string,
    packet: z.output<typeof explainTracking.query>,
    signal: AbortSignal,
  ): Promise<Explanation> {
    const value = toWireAskedPacket(toAskedPacket(packet));
    const asked = await this.ask(scope, gatewayId, EXPLAINS_TRACKING, { $case: 'tracking', value }, signal);
    if (!('answer' in asked)) return { gatewayId, ...asked };
    const { explanation } = asked.answer.head;
    if (!explanation) return { gatewayId, ...NOTHING_TOLD };
    return { gatewayId, state: 'answered', explanation: toExplanationView(fromWireExplanation(explanation), asked.at) };
  }

  private async ask(
    scope: TenantScope,
    gatewayId: string,
    ability: string,
    ask: NonNullable<Query['ask']>,
    signal: AbortSignal,
  ): Promise<Asked> {
    const row = await this.database.transact(scope, (t) => this.gateways.find(t, gatewayId));
    if (!row) throw new FleetError('NOT_FOUND', 'There is no such gateway.');
    const unasked = whyUnasked(row, ability, this.clock());
    if (unasked) return unasked;
    try {
      const asking = { deadlineMs: this.config.searchDeadlineMs, maxFlows: 0, signal, onFlows: () => undefined };
      const answer = await this.queries.ask(gatewayId, ask, asking);
      const nowMs = this.clock();
      return { answer, at: timeFrom(answer.head.snapshotAtMs, nowMs) ?? new Date(nowMs) };
    } catch (error) {
      return whyNot(error);
    }
  }
}

const NOTHING_TOLD = { state: 'failed' as const, reason: 'its agent answered without what was asked for' };

function whyUnasked(row: GatewayRow, ability: string, nowMs: number): Unanswered | undefined {
  const state = linkState(row, nowMs);
  if (state.state !== 'online') return { state: 'offline', reason: offlineReason(state) };
  const { can, why } = abilityOf(row, ability);
  return can ? undefined : { state: 'failed', reason: why ?? 'its agent is older and cannot tell; update it' };
}

function toAskedPacket({ proto, src, dst, ...rest }: z.output<typeof explainTracking.query>): AskedPacket {
  return { ...rest, proto: protocolNumber(proto)!, src: parseAddress(src)!, dst: parseAddress(dst)! };
}
