import { EFFECT_KINDS, type EffectKind, type PolicyEffect } from '../../../proto/model/policy/effects.ts';
import type { Predicate } from '../query/compile-filter.ts';
import { NO_TIMEOUT, type Columns } from '../rows/columns.ts';
import type { Surroundings } from '../stale/surroundings.ts';
import { stateText } from '../wire/states.ts';
import { addressText } from '../query/describe.ts';
import { Deciders, effectOn, UNTOLD } from './deciders.ts';
import type { EffectsAsk, Regime, Said } from '../effects-ask.ts';
import { EffectWords } from './effect-words.ts';
import { OverLimits } from './over-limits.ts';
import { ownRows } from './own-rows.ts';
import { shorterTimeouts } from './shorter-timeouts.ts';
import { canStop, stopOf, type Stop } from './stops.ts';

export interface RowEffects {
  /** In the order of their kinds, and then as the rules come. */
  effects: PolicyEffect[];
  /** Rows, in the order of the effects that stop them. */
  stopped: number[];
  untold: number;
}

/** Rows between two checkpoints. */
const STEP = 10_000;

/**
 * What a change from one regime to another does to each row, in one pass. Only what differs between the two is looked at.
 * @param checkpoint called every few milliseconds; may throw to end it
 */
export function effectsOfRows(columns: Columns, surroundings: Surroundings, ask: EffectsAsk, checkpoint: () => void): RowEffects {
  const deciders = new Deciders(columns, surroundings, checkpoint);
  const words = new EffectWords();
  const stops = new Map<string, number[]>();
  const limits = new OverLimits(columns, ask.after.limits);
  const isOwn = ownRows(columns, ask.own);
  const spared = ask.spared.flatMap((match) => [deciders.matching(match), deciders.matching(match, 'reply')]);
  const isSpared: Predicate = (row) => spared.some((test) => test(row));
  const isExempt: Predicate = (row) => isOwn(row) || isSpared(row);
  const looks = [
    lookForStops(columns, ask, deciders, isExempt, ({ path, cause }, row) => {
      words.add('stopped', path, cause);
      const rows = stops.get(path);
      if (rows) rows.push(row);
      else stops.set(path, [row]);
    }),
    lookForLimits(columns, ask, deciders, isExempt, (index, row) => limits.add(index, row)),
    lookForOff(ask, deciders, isSpared, (path) => words.add('loses-tracking', path)),
    lookForHelpers(columns, ask, deciders, (path, helper) => words.add('loses-helper', path, helper)),
    lookForTimeouts(columns, ask, deciders, words),
  ].filter((look) => look !== undefined);
  let untold = 0;
  for (let row = 0; row < columns.count && looks.length > 0; row++) {
    if (row % STEP === 0) checkpoint();
    let isUntold = false;
    for (const look of looks) if (look(row) === UNTOLD) isUntold = true;
    if (isUntold) untold++;
  }
  for (const { path, side, limit, row, flows } of limits.beyond())
    words.addBeyond(path, { side, limit, flows, address: addressText(columns, row, side === 'source' ? 'origSrc' : 'replySrc') });
  const effects = words.effects().toSorted(byPlace(ask));
  return { effects, stopped: effects.flatMap(({ kind, path }) => (kind === 'stopped' ? stops.get(path)! : [])), untold };
}

/** Looks at one row for one kind of effect; UNTOLD if its entry does not say enough. */
type Look = (row: number) => typeof UNTOLD | void;

function lookForStops(
  columns: Columns,
  { before, after }: EffectsAsk,
  deciders: Deciders,
  isExempt: Predicate,
  found: (stop: Stop, row: number) => void,
): Look | undefined {
  if (!canStop(before.modes, after.modes)) return undefined;
  const [was, becomes] = [deciders.of(before.modes), deciders.of(after.modes)];
  return (row) => {
    const stop = effectOn(row, was, becomes, (a, b) => stopOf(columns, row, before.modes[a], after.modes[b]));
    if (stop === undefined || isExempt(row)) return undefined;
    return stop === UNTOLD ? stop : found(stop, row);
  };
}

/** Connections that are closing do not count (nf_conncount.c). */
const CLOSING: ReadonlySet<string | undefined> = new Set(['TIME_WAIT', 'CLOSE']);

function lookForLimits(
  { common: { state } }: Columns,
  { before, after }: EffectsAsk,
  deciders: Deciders,
  isExempt: Predicate,
  found: (index: number, row: number) => void,
): Look | undefined {
  const counted = ({ match, perSource, perDestination }: Regime['limits'][number]): string =>
    JSON.stringify([match, perSource, perDestination]);
  const known = new Set(before.limits.map(counted));
  const isNew = after.limits.map((limit) => !known.has(counted(limit)));
  if (!isNew.includes(true)) return undefined;
  const decides = deciders.of(after.limits);
  return (row) => {
    const index = effectOn(row, decides, decides, (_, at) => (isNew[at] ? at : undefined));
    if (index === undefined || CLOSING.has(stateText(state[row]!)) || isExempt(row)) return undefined;
    return index === UNTOLD ? index : found(index, row);
  };
}

function lookForOff(
  { before, after }: EffectsAsk,
  deciders: Deciders,
  isSpared: Predicate,
  found: (path: string) => void,
): Look | undefined {
  if (isSame(before.off, after.off)) return undefined;
  const directions = (['orig', 'reply'] as const).map((direction) => [
    deciders.of(before.off, direction),
    deciders.of(after.off, direction),
  ]);
  return (row) => {
    let isUntold = false;
    for (const [was, becomes] of directions) {
      const path = effectOn(row, was!, becomes!, (a, b) => (!before.off[a]?.isOff && after.off[b]?.isOff ? after.off[b].path : undefined));
      if (path === undefined || isSpared(row)) continue;
      if (path !== UNTOLD) return found(path);
      isUntold = true;
    }
    return isUntold ? UNTOLD : undefined;
  };
}

function lookForHelpers(
  { rare: { helper }, helpers }: Columns,
  { before, after }: EffectsAsk,
  deciders: Deciders,
  found: (path: string, helper: string) => void,
): Look | undefined {
  if (!helper || isSame(before.helpers, after.helpers)) return undefined;
  const [was, becomes] = [deciders.of(before.helpers), deciders.of(after.helpers)];
  return (row) => {
    const name = helpers[helper[row]!];
    if (name === undefined) return undefined;
    const path = effectOn(row, was, becomes, (a, b) => {
      const [old, next] = [before.helpers[a], after.helpers[b]];
      return old?.helper === name && next?.helper !== name ? (next ?? old).path : undefined;
    });
    return path === undefined || path === UNTOLD ? path : found(path, name);
  };
}

function lookForTimeouts(columns: Columns, ask: EffectsAsk, deciders: Deciders, words: EffectWords): Look | undefined {
  const shorter = shorterTimeouts(columns, ask, deciders);
  if (!shorter) return undefined;
  const { timeout } = columns.common;
  return (row) => {
    const found = shorter(row);
    if (found === undefined || found === UNTOLD) return found;
    const idleSeconds = timeout[row] === NO_TIMEOUT ? 0 : found.from - timeout[row]!;
    words.addShorter(found, idleSeconds > found.to);
  };
}

function isSame(before: readonly Said[], after: readonly Said[]): boolean {
  return JSON.stringify(before) === JSON.stringify(after);
}

/** By kind; within one, what rules do in their order, and then the rest by name. */
function byPlace({ after, before }: EffectsAsk): (a: PolicyEffect, b: PolicyEffect) => number {
  const paths = [after, before].flatMap(({ off, modes, limits, helpers, idle }) =>
    [off, modes, limits, helpers, idle].flatMap((list) => list.map(({ path }) => path)),
  );
  const kindOf = (kind: EffectKind): number => EFFECT_KINDS.indexOf(kind);
  const placeOf = (path: string): number => (paths.includes(path) ? paths.indexOf(path) : paths.length);
  return (a, b) => kindOf(a.kind) - kindOf(b.kind) || placeOf(a.path) - placeOf(b.path) || (a.path < b.path ? -1 : 1);
}
