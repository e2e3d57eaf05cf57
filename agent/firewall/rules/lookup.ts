import { Bits, order } from './bits.ts';
import type { Data, RuleSet } from './ruleset.ts';

/** Elements that a key may be: their data, undefined for an element of a set. */
export interface Found {
  hits: (Data | undefined)[];
  isSure: boolean;
}

/** Positions of exact keys, made when a set is asked for the first time. */
const positions = new WeakMap<RuleSet, Map<string, number>>();

/** The element that has a key. Of a key that is not known whole, all that it may be. */
export function lookUp(set: RuleSet, key: Bits): Found {
  const found = key.isKnown ? findKnown(set, key) : findPossible(set, key);
  if (!found.isSure && set.catchAll) return { hits: [...found.hits, set.catchAll.data], isSure: true };
  return found;
}

function findKnown(set: RuleSet, key: Bits): Found {
  const at = set.ends ? findInterval(set, key.value) : positionsOf(set).get(textOf(key.value));
  if (at === undefined) return { hits: [], isSure: false };
  return { hits: [set.data?.[at]], isSure: !(set.ending?.has(at) ?? false) };
}

function findPossible(set: RuleSet, key: Bits): Found {
  const hits: (Data | undefined)[] = [];
  for (let at = 0; at < set.count; at++) {
    const isIn = set.ends ? isWithinFields(set, key, at) : key.equals(keyAt(set, at));
    if (isIn === false) continue;
    if (isIn && !set.ending?.has(at)) return { hits: [...hits, set.data?.[at]], isSure: true };
    hits.push(set.data?.[at]);
  }
  return { hits, isSure: false };
}

/** Intervals of one field are sorted and apart from each other; those of concatenations are not. */
function findInterval(set: RuleSet, key: Uint8Array): number | undefined {
  if (set.fields.length > 1) {
    for (let at = 0; at < set.count; at++) if (isWithinFields(set, new Bits(key), at)) return at;
    return undefined;
  }
  let [low, high] = [0, set.count];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (order(keyAt(set, middle), key) <= 0) low = middle + 1;
    else high = middle;
  }
  return low > 0 && order(key, endAt(set, low - 1)) <= 0 ? low - 1 : undefined;
}

function isWithinFields(set: RuleSet, key: Bits, at: number): boolean | undefined {
  const [low, high] = [keyAt(set, at), endAt(set, at)];
  let isWithin: boolean | undefined = true;
  let start = 0;
  for (const length of set.fields.length > 0 ? set.fields : [set.keyLength]) {
    const answer = key.slice(start, length).isWithin(low.subarray(start, start + length), high.subarray(start, start + length));
    if (answer === false) return false;
    if (answer === undefined) isWithin = undefined;
    start += (length + 3) & ~3;
  }
  return isWithin;
}

function positionsOf(set: RuleSet): Map<string, number> {
  let found = positions.get(set);
  if (!found) {
    found = new Map();
    for (let at = 0; at < set.count; at++) found.set(textOf(keyAt(set, at)), at);
    positions.set(set, found);
  }
  return found;
}

export function keyAt(set: RuleSet, at: number): Uint8Array {
  return set.keys.subarray(at * set.keyLength, (at + 1) * set.keyLength);
}

export function endAt(set: RuleSet, at: number): Uint8Array {
  return (set.ends ?? set.keys).subarray(at * set.keyLength, (at + 1) * set.keyLength);
}

function textOf(bytes: Uint8Array): string {
  return String.fromCharCode(...bytes);
}
