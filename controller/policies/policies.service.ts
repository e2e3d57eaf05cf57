import { Inject, Injectable } from '@nestjs/common';
import type { z } from 'zod';
import type { explainTracking, GatewayPolicy } from '../../proto/http/policies.ts';
import { parseAddress } from '../../proto/model/address.ts';
import { FleetError } from '../../proto/model/error-codes.ts';
import { differenceOf } from '../../proto/model/policy/difference.ts';
import { effectivePolicy } from '../../proto/model/policy/effective.ts';
import { EXPLAINS_TRACKING, type AskedPacket } from '../../proto/model/policy/gateway-reading.ts';
import { warningsOf } from '../../proto/model/policy/warnings/warnings.ts';
import { protocolNumber } from '../../proto/model/protocol.ts';
import { fromWireExplanation, toWireAskedPacket } from '../../proto/wire/policy.ts';
import type { GatewayRow } from '../gateways/gateway-view.ts';
import { GatewaysRepository } from '../gateways/gateways.repository.ts';
import { HistoryService } from '../history/history.service.ts';
import { Database } from '../platform/database.ts';
import type { TenantScope } from '../platform/tenant-scope.ts';
import { AttachedPolicies } from './attached-policies.service.ts';
import { shownTo, toDifferenceView, toEffectiveView, toWarningViews } from './effective-view.ts';
import { factsOf } from './gateway-facts.ts';
import { GatewayReadings, NOTHING_TOLD } from './gateway-readings.service.ts';
import { layersOn } from './layers.ts';
import { toActualView, toExplanationView } from './reading-view.ts';

type Explanation = z.output<typeof explainTracking.response>;

/** How gateways track, asked from them at the moment of the call, and how they are to track. */
@Injectable()
export class PoliciesService {
  constructor(
    @Inject(GatewaysRepository) private readonly gateways: GatewaysRepository,
    @Inject(GatewayReadings) private readonly readings: GatewayReadings,
    @Inject(AttachedPolicies) private readonly attached: AttachedPolicies,
    @Inject(HistoryService) private readonly history: HistoryService,
    @Inject(Database) private readonly database: Database,
  ) {}

  /** What the gateway is set to, what it is to be set to, and what differs. Throws NOT_FOUND. */
  async get(scope: TenantScope, gatewayId: string, signal: AbortSignal): Promise<GatewayPolicy> {
    const row = await this.find(scope, gatewayId);
    const policies = await this.attached.on([row]);
    const layers = layersOn(policies, row);
    const effective = effectivePolicy(layers);
    const shown = shownTo(scope, (id) => policies.find((policy) => policy.id === id)?.tenantId ?? null);
    const wanted = { gatewayId, effective: toEffectiveView(effective, layers, shown) };
    const [read, usage] = await Promise.all([
      this.readings.read(row, signal),
      this.database.transact(scope, (t) => this.history.usage(t, [gatewayId])),
    ]);
    const facts = factsOf(usage.get(gatewayId));
    if (!('reading' in read)) return { ...wanted, ...read, warnings: toWarningViews(warningsOf(effective, undefined, facts)) };
    const { actual } = read.reading;
    return {
      ...wanted,
      state: 'answered',
      actual: toActualView(read.reading, read.at),
      ...(layers.length > 0 && { difference: toDifferenceView(differenceOf(effective.values, actual), effective, shown) }),
      warnings: toWarningViews(warningsOf(effective, actual, facts)),
    };
  }

  /** What the gateway's rules do with the first packet of a flow. Throws NOT_FOUND. */
  async explain(
    scope: TenantScope,
    gatewayId: string,
    packet: z.output<typeof explainTracking.query>,
    signal: AbortSignal,
  ): Promise<Explanation> {
    const value = toWireAskedPacket(toAskedPacket(packet));
    const row = await this.find(scope, gatewayId);
    const asked = await this.readings.ask(row, EXPLAINS_TRACKING, { $case: 'tracking', value }, signal);
    if (!('answer' in asked)) return { gatewayId, ...asked };
    const { explanation } = asked.answer.head;
    if (!explanation) return { gatewayId, ...NOTHING_TOLD };
    return { gatewayId, state: 'answered', explanation: toExplanationView(fromWireExplanation(explanation), asked.at) };
  }

  private async find(scope: TenantScope, gatewayId: string): Promise<GatewayRow> {
    const row = await this.database.transact(scope, (t) => this.gateways.find(t, gatewayId));
    if (!row) throw new FleetError('NOT_FOUND', 'There is no such gateway.');
    return row;
  }
}

function toAskedPacket({ proto, src, dst, ...rest }: z.output<typeof explainTracking.query>): AskedPacket {
  return { ...rest, proto: protocolNumber(proto)!, src: parseAddress(src)!, dst: parseAddress(dst)! };
}
