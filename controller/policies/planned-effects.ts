import type { PolicyEffects as WireEffects } from '../../proto/gen/ctfleet/v1/policy.ts';
import type { PolicyEffectsView } from '../../proto/http/policy-plans.ts';
import type { Flow } from '../../proto/model/flow.ts';
import type { PolicyValues } from '../../proto/model/policy/document.ts';
import { MAX_POLICY_BYTES, MAX_RULES } from '../../proto/model/policy/limits.ts';
import { writePolicy } from '../../proto/model/policy/write.ts';
import { fromWireEffects } from '../../proto/wire/policy-effects.ts';
import { toFlowView } from '../flows/flow-view.ts';
import { flowsFrom } from '../platform/untrusted.ts';
import { cleaned } from './reading-view.ts';

/** Of one plan, over all of its gateways. */
const MAX_STOPPED_SHOWN = 2000;
/** Of each gateway, however many there are. */
const MIN_STOPPED_SHOWN = 10;
/** With the rest of a message, below 256 KiB. */
const MAX_SENT_BYTES = MAX_POLICY_BYTES - 16 * 1024;

/** All that holds on a gateway as one document for its agent; undefined if no agent reads one as large. */
export function documentOf(values: PolicyValues): string | undefined {
  if (values.rules.length > MAX_RULES) return undefined;
  const text = writePolicy({ metadata: { name: 'effective' }, spec: values });
  return Buffer.byteLength(text) <= MAX_SENT_BYTES ? text : undefined;
}

/** How many rows each gateway of a plan is asked for. */
export function shownOfEach(gateways: number): number {
  return Math.max(MIN_STOPPED_SHOWN, Math.floor(MAX_STOPPED_SHOWN / Math.max(1, gateways)));
}

/** What an agent told, as the API shows it. */
export function toEffectsView(wire: WireEffects, total: bigint, stopped: readonly Flow[], gatewayId: string): PolicyEffectsView {
  const { effects, unknown } = cleaned(fromWireEffects(wire));
  return {
    effects,
    tableCount: flowsFrom(wire.tableCount),
    stopped: stopped.map((flow) => toFlowView(flow, gatewayId)),
    flowsLeft: Math.max(0, flowsFrom(total) - stopped.length),
    ...(unknown !== undefined && { unknown }),
  };
}
