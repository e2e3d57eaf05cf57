import type { PlannedGateway, PolicyEffectsView, PolicyPlan } from '../../proto/http/policy-plans.ts';
import type { EffectKind } from '../../proto/model/policy/effects.ts';
import { count, counted } from './format.ts';
import type { StateKind } from './state-kind.ts';

/** What a policy does to flows that are there now: how it feels, and the verb for one flow and for many. */
export const EFFECTS: Record<EffectKind, { kind: StateKind; one: string; many: string }> = {
  stopped: { kind: 'critical', one: 'ends', many: 'end' },
  'over-limit': { kind: 'warn', one: 'is above a limit and stays', many: 'are above a limit and stay' },
  'loses-tracking': { kind: 'warn', one: 'is not tracked any more', many: 'are not tracked any more' },
  'loses-helper': { kind: 'warn', one: 'loses its helper', many: 'lose their helper' },
  'timeout-shortens': { kind: 'never', one: 'ends sooner if it is idle', many: 'end sooner if they are idle' },
};
/** As of a flush: beyond that, the number is typed. */
const MAX_STOPPED_BY_BUTTON = 1000;
const KINDS = Object.keys(EFFECTS) as EffectKind[];

/** `12 flows end`. */
export function effectWords(kind: EffectKind, flows: number): string {
  return `${counted(flows, 'flow')} ${flows === 1 ? EFFECTS[kind].one : EFFECTS[kind].many}`;
}

/** What a whole plan does, worst first, with how many gateways it does it on. */
export function effectsOf({ gateways }: PolicyPlan): { kind: EffectKind; flows: number; gateways: number }[] {
  return KINDS.flatMap((kind) => {
    const each = gateways.map(({ effects }) => flowsOf(effects, kind)).filter((flows) => flows > 0);
    return each.length === 0 ? [] : [{ kind, flows: each.reduce((sum, flows) => sum + flows, 0), gateways: each.length }];
  });
}

function flowsOf(effects: PolicyEffectsView | undefined, wanted: EffectKind): number {
  return (effects?.effects ?? []).filter(({ kind }) => kind === wanted).reduce((sum, { flows }) => sum + flows, 0);
}

/** Gateways of a plan on which it would change something, or that are set so by chance and not held to it: those that a roll-out is for. */
export function changedGateways({ gateways }: PolicyPlan): PlannedGateway[] {
  return gateways.filter(
    ({ difference, isInForce }) =>
      difference && (difference.changes.some(({ verdict }) => verdict.kind === 'set') || difference.isReordered || isInForce === false),
  );
}

/** What has to be typed where a button would be pressed too easily: the number of gateways. */
export function needsCount(plan: PolicyPlan): boolean {
  const stopped = effectsOf(plan).find(({ kind }) => kind === 'stopped')?.flows ?? 0;
  const changed = changedGateways(plan);
  return (
    stopped > MAX_STOPPED_BY_BUTTON ||
    new Set(changed.map(({ tenantId }) => tenantId)).size > 1 ||
    changed.some(({ warnings }) => warnings.some(({ severity }) => severity === 'danger'))
  );
}

/** What a list of flows that end is: all of them, or so many of so many. */
export function stoppedWords({ stopped, flowsLeft }: Pick<PolicyEffectsView, 'stopped' | 'flowsLeft'>): string {
  return flowsLeft === 0
    ? `the exact ${counted(stopped.length, 'flow')} that would end`
    : `${count(stopped.length)} of ${counted(stopped.length + flowsLeft, 'flow')} that would end`;
}
