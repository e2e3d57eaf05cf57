import type { PlannedGateway } from '../../proto/http/policy-plans.ts';
import type { PolicyDifference } from '../../proto/model/policy/difference.ts';
import type { EffectivePolicy } from '../../proto/model/policy/effective.ts';
import type { GatewayRow } from '../gateways/gateway-view.ts';

/** What a policy would change on one gateway; without `difference` where that could not be told. */
export interface PlannedPart {
  row: GatewayRow;
  gateway: PlannedGateway;
  effective: EffectivePolicy;
  difference?: PolicyDifference;
}
