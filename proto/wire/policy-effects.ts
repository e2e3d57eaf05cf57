import type { PolicyEffects as WireEffects } from '../gen/ctfleet/v1/policy.ts';
import { EFFECT_KINDS, type PolicyEffect } from '../model/policy/effects.ts';

/** Beyond what a document can cause. */
const MAX_EFFECTS = 1000;

/** What a policy would do to the flows that are there now; `unknown` where they, or some of them, could not be looked at. */
export interface ToldEffects {
  effects: PolicyEffect[];
  tableCount?: number;
  unknown?: string;
}

export function toWireEffects({ effects, tableCount = 0, unknown = '' }: ToldEffects): WireEffects {
  return { effects: effects.map(({ kind, path, flows, why }) => ({ kind, path, flows, why })), tableCount: BigInt(tableCount), unknown };
}

/** An effect of a kind that this version does not know is told as unknown. */
export function fromWireEffects({ effects, tableCount, unknown }: WireEffects): ToldEffects {
  const known = effects.slice(0, MAX_EFFECTS).flatMap(({ kind, path, flows, why }): PolicyEffect[] => {
    const found = EFFECT_KINDS.find((one) => one === kind);
    return found ? [{ kind: found, path, flows, why }] : [];
  });
  const left = effects.length - known.length;
  const why = [unknown, left > 0 ? `${left} effects are of a kind that this controller does not know.` : ''].filter((one) => one !== '');
  return { effects: known, tableCount: Number(tableCount), ...(why.length > 0 && { unknown: why.join(' ') }) };
}
