import { formatAddress } from '../../proto/model/address.ts';
import { isWorking } from '../conntrack/table.ts';
import type { Wan } from './wans.ts';

const HOUR_MS = 3_600_000;

/**
 * The health of one WAN since the agent started. Times are in milliseconds since 1970.
 *
 *     fine ── down, silent, or the default route left it ──▶ failed
 *      ▲                                                      │
 *      └── works, and has the route again if it had lost it ──┘
 */
export interface WanState {
  wan: Wan;
  failure?: WanFailure;
  /** When it last recovered, or got its route back without having been down; absent while it does not work. */
  cameUp?: { sinceMs: number; words: string };
  /** The last change of its address, with the previous address. */
  moved?: { atMs: number; address: string; words: string };
  /** Failures and recoveries in the last hour. */
  changesMs: number[];
}

export interface WanFailure {
  sinceMs: number;
  words: string;
  /** Grows when it gets worse, such as when a silent WAN loses the route as well. */
  steps: number;
  /** The default route left it, and has not come back. */
  isWithoutRoute: boolean;
  /** It was down or silent at some point during this failure. */
  wasDown: boolean;
}

/** True if another WAN works and carries the default route. */
export function hasHealthyTarget(wans: readonly Wan[], besides: string | undefined): boolean {
  return wans.some((wan) => wan.name !== besides && wan.carriesDefaultRoute === true && isWorking(wan));
}

/** True if there is another WAN at all, whatever state it is in. */
export function hasOtherWan(wans: readonly Wan[], besides: string | undefined): boolean {
  return wans.some((wan) => wan.name !== besides);
}

/**
 * The state after one more observation. A WAN that is down when the agent starts has failed; one that never had the route has not lost it.
 */
export function followWan(before: WanState | undefined, wan: Wan, atMs: number): WanState {
  const failure = failureOf(before, wan, atMs);
  const hasChanged = before !== undefined && (before.failure === undefined) !== (failure === undefined);
  const changesMs = (before?.changesMs ?? []).filter((ms) => atMs - ms < HOUR_MS);
  if (hasChanged) changesMs.push(atMs);
  return {
    wan,
    failure,
    cameUp: cameUpOf(before, wan, failure, atMs),
    moved: before && (movedOf(before.wan, wan, atMs) ?? before.moved),
    changesMs,
  };
}

function failureOf(before: WanState | undefined, wan: Wan, atMs: number): WanFailure | undefined {
  const known = before?.failure;
  const works = isWorking(wan);
  const worked = before ? isWorking(before.wan) : true;
  const losesRoute = before?.wan.carriesDefaultRoute === true && wan.carriesDefaultRoute === false;
  const isWithoutRoute = losesRoute || (known?.isWithoutRoute === true && wan.carriesDefaultRoute !== true);
  if (works && !isWithoutRoute) return undefined;
  const isWorse = losesRoute || (worked && !works);
  return {
    sinceMs: known?.sinceMs ?? atMs,
    words: known?.words ?? wordsOf(wan, works, before === undefined),
    steps: (known?.steps ?? 0) + (isWorse ? 1 : 0),
    isWithoutRoute,
    wasDown: known?.wasDown === true || !works,
  };
}

function wordsOf({ name, isUp }: Wan, works: boolean, isFirst: boolean): string {
  if (works) return `the default route left ${name}`;
  if (isFirst) return `${name} was down when the agent began`;
  return isUp === false ? `${name} went down` : `${name} fell silent`;
}

function cameUpOf(before: WanState | undefined, wan: Wan, failure: WanFailure | undefined, atMs: number): WanState['cameUp'] {
  if (!isWorking(wan) || !before) return undefined;
  if (!isWorking(before.wan)) return { sinceMs: atMs, words: `${wan.name} came up again` };
  if (before.failure && !failure && !before.failure.wasDown) return { sinceMs: atMs, words: `the default route came back to ${wan.name}` };
  return before.cameUp;
}

/** Addresses are newest first, so a change puts another one in front. An address that goes away without a successor is not a change. */
function movedOf(before: Wan, { name, addresses }: Wan, atMs: number): WanState['moved'] {
  for (const bytes of [4, 16]) {
    const [old, now] = [before.addresses, addresses]
      .map((list) => list.find((address) => address.length === bytes))
      .map((address) => address && formatAddress(address));
    if (old !== undefined && now !== undefined && old !== now)
      return { atMs, address: old, words: `${name} has ${now} and no longer ${old}` };
  }
  return undefined;
}
