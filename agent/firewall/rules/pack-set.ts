import { order } from './bits.ts';
import type { SetElement, SetHead } from './decode.ts';
import { SET_FLAG } from './nf-tables.ts';
import type { Data, RuleSet } from './ruleset.ts';

/**
 * Elements as rules look them up. Intervals of one field come as their first key and, as an element of its own, the key behind their last;
 * those of concatenations have both in one element.
 */
export function packSet({ name, flags, keyLength, fields }: SetHead, elements: readonly SetElement[], why?: string): RuleSet {
  const isInterval = (flags & SET_FLAG.INTERVAL) !== 0;
  const set: RuleSet = { name, keyLength, fields, count: 0, keys: new Uint8Array(0) };
  if (why !== undefined || (flags & SET_FLAG.OBJECT) !== 0) return { ...set, why: why ?? 'it chooses an object' };
  const catchAll = elements.find(({ isCatchAll }) => isCatchAll);
  if (catchAll) set.catchAll = { data: catchAll.data };
  if (elements.some(({ hasConditions }) => hasConditions)) return { ...set, why: 'its elements have limits of their own' };
  const keyed = elements.filter(
    (element): element is SetElement & { key: Uint8Array } => element.key?.length === keyLength && !element.isCatchAll,
  );
  const starts = keyed.filter(({ isEnd }) => !isEnd);
  const isPaired = isInterval && fields.length < 2;
  if (isPaired) starts.sort((a, b) => order(a.key, b.key));
  set.count = starts.length;
  set.keys = join(
    starts.map(({ key }) => key),
    keyLength,
  );
  if (isInterval) set.ends = join(isPaired ? lastKeys(starts, keyed, keyLength) : starts.map(({ key, end }) => end ?? key), keyLength);
  if ((flags & SET_FLAG.MAP) !== 0) set.data = starts.map(({ data }): Data => data ?? { value: new Uint8Array(0) });
  const ending = new Set(starts.flatMap(({ isEnding }, at) => (isEnding ? [at] : [])));
  if (ending.size > 0) set.ending = ending;
  return set;
}

/** The last key of each interval: one before the next end that follows its start, or the highest of all. */
function lastKeys(
  starts: readonly { key: Uint8Array; end?: Uint8Array }[],
  elements: readonly { key: Uint8Array; isEnd: boolean }[],
  keyLength: number,
): Uint8Array[] {
  const ends = elements
    .filter(({ isEnd }) => isEnd)
    .map(({ key }) => key)
    .sort(order);
  let next = 0;
  return starts.map(({ key, end }) => {
    if (end) return end;
    while (next < ends.length && order(ends[next]!, key) <= 0) next++;
    return next < ends.length ? before(ends[next]!) : new Uint8Array(keyLength).fill(0xff);
  });
}

function before(key: Uint8Array): Uint8Array {
  const last = key.slice();
  for (let at = last.length - 1; at >= 0; at--) {
    last[at] = last[at]! - 1;
    if (last[at] !== 0xff) break;
  }
  return last;
}

function join(keys: readonly Uint8Array[], length: number): Uint8Array {
  const joined = new Uint8Array(keys.length * length);
  keys.forEach((key, at) => joined.set(key, at * length));
  return joined;
}
