import type { Flow } from '../../../proto/model/flow.ts';
import { fullTimeouts, type TimeoutFacts, type Timeouts } from '../proc/timeouts.ts';

/**
 * Whole seconds since a flow's last packet, as far as they are known; both the same where they are known exactly, Infinity where nothing
 * bounds them.
 */
export interface Idle {
  atLeast: number;
  atMost: number;
}

/**
 * Timeouts that the gateway gave to packets of a time, in milliseconds since 1970: -Infinity where nobody saw them come, Infinity while
 * they
 * last. Those of a `ct timeout` object go to packets of one protocol, and not to all of them.
 */
export interface TimeoutSource {
  timeouts: Timeouts;
  proto?: number;
  fromMs: number;
  untilMs: number;
}

/**
 * Helpers that give their flows a time of their own (nf_conntrack_sip.c, nf_conntrack_h323_main.c, nf_conntrack_amanda.c,
 * nf_conntrack_broadcast.c).
 */
const HELPERS_WITH_TIMES = new Set(['sip', 'RAS', 'Q.931', 'H.245', 'amanda', 'netbios-ns', 'snmp']);

/** What remains is cut down to whole seconds, and clocks of a kernel and of a process are read one after the other. */
const SLACK_MS = 2000;

/** What of a flow decides how long ago its last packet was; `startedAtMs` is undefined where the kernel kept no time. */
export interface IdleFacts {
  remaining: number | undefined;
  startedAtMs: number | undefined;
  atMs: number;
}

export const UNKNOWN_IDLE: Readonly<Idle> = { atLeast: 0, atMost: Infinity };

/**
 * The timeouts that packets of such an entry may have been given. None where nothing sure can be said: its helper sets times, or no packet
 * was ever counted.
 */
export function possibleTimeouts(
  facts: TimeoutFacts & { helper: string | undefined; hadNoPacket: boolean },
  sources: readonly TimeoutSource[],
): PossibleTimeout[] {
  // An entry without a packet was put there by a program (conntrackd, an undo), with whatever time that chose.
  if (facts.hadNoPacket || (facts.helper !== undefined && HELPERS_WITH_TIMES.has(facts.helper))) return [];
  return sources.flatMap(({ timeouts, proto, fromMs, untilMs }) =>
    proto !== undefined && proto !== facts.proto ? [] : fullTimeouts(facts, timeouts).map((full) => ({ full, fromMs, untilMs })),
  );
}
export interface PossibleTimeout {
  full: number;
  fromMs: number;
  untilMs: number;
}

/**
 * How long ago the last packet was, if one of these timeouts was given to it. A timeout is left out that would have more remain, or have
 * the
 * packet come before the flow began or while the timeout was not there. The kernel cuts what remains down to whole seconds, so that a
 * packet of
 * this very moment leaves one less than the full timeout. `result` is filled, so that no object is made for a row.
 */
export function idleFrom(possible: readonly PossibleTimeout[], { remaining, startedAtMs, atMs }: IdleFacts, result: Idle): Idle {
  const age = startedAtMs === undefined || startedAtMs > atMs ? Infinity : Math.floor((atMs - startedAtMs) / 1000);
  let [atLeast, atMost] = [Infinity, -Infinity];
  if (remaining !== undefined) {
    for (const { full, fromMs, untilMs } of possible) {
      if (remaining > full) continue;
      const seconds = Math.max(0, full - remaining - 1);
      const lastMs = atMs - seconds * 1000;
      if (lastMs + SLACK_MS < fromMs || lastMs - SLACK_MS > untilMs || (seconds * 1000 - SLACK_MS) / 1000 > age) continue;
      if (seconds < atLeast) atLeast = seconds;
      if (seconds > atMost) atMost = seconds;
    }
  }
  if (atMost < atLeast) [atLeast, atMost] = [0, age];
  result.atLeast = atLeast;
  result.atMost = atMost;
  return result;
}

/** As flows say it: exact, or bounded as far as something is known. */
export function toIdle({ atLeast, atMost }: Idle): Pick<Flow, 'idleSeconds' | 'idleBounds'> {
  if (atLeast === atMost) return { idleSeconds: atLeast, idleBounds: undefined };
  if (atLeast === 0 && atMost === Infinity) return { idleSeconds: undefined, idleBounds: undefined };
  return { idleSeconds: undefined, idleBounds: { atLeast, atMost: atMost === Infinity ? undefined : atMost } };
}
