import { PolicyEffects as WireEffects, type PolicyReading as WireReading } from '../../proto/gen/ctfleet/v1/policy.ts';
import type { Flow } from '../../proto/model/flow.ts';
import { toWireEffects } from '../../proto/wire/policy-effects.ts';
import type { PlannedEffects } from '../policies/effects/plan-effects.ts';
import type { PolicyPlanning } from '../policies/effects/policy-planning.ts';
import { wirePolicyWithin } from './policy-answer.ts';

/** Of effects beside a reading at its largest: the message stays below 256 KiB. */
const MAX_EFFECTS_BYTES = 20_000;

/** What goes into the head of an answer, and its rows. */
export interface PolicyPlanAnswer {
  policy: WireReading;
  policyEffects: WireEffects;
  total: number;
  tableCount: number;
  rows: Flow[];
}

/** Plans a document for the controller. Throws what `PolicyPlanning` throws. */
export async function answerPolicyPlan(
  planning: PolicyPlanning,
  text: string,
  maxFlows: number,
  signal: AbortSignal,
): Promise<PolicyPlanAnswer> {
  const { reading, effects } = await planning.plan(text, maxFlows, signal);
  const { stopped, stoppedLeft = 0, tableCount = 0 } = effects;
  return {
    policy: wirePolicyWithin(reading),
    policyEffects: effectsWithin(effects),
    total: stopped.length + stoppedLeft,
    tableCount,
    rows: stopped,
  };
}

/** As many effects as an answer has room for, in their order; what is left out is told. */
export function effectsWithin(effects: PlannedEffects): WireEffects {
  const wire = toWireEffects(effects);
  let bytes = 0;
  const shown = wire.effects.filter(
    (one) => (bytes += WireEffects.encode({ ...wire, effects: [one] }).finish().length) <= MAX_EFFECTS_BYTES,
  );
  if (shown.length === wire.effects.length) return wire;
  const why = `${wire.effects.length - shown.length} more effects have no room in an answer.`;
  return { ...wire, effects: shown, unknown: wire.unknown === '' ? why : `${wire.unknown} ${why}` };
}
