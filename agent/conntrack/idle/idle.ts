import type { Flow } from '../../../proto/model/flow.ts';
import { fullTimeouts, type TimeoutFacts, type Timeouts } from '../proc/timeouts.ts';

/** Bounds of the whole seconds since a flow's last packet; equal if known exactly, `atMost` is Infinity if nothing bounds it. */
export interface Idle {
  atLeast: number;
  atMost: number;
}

/**
 * Timeouts that the gateway applied to packets during a period, in milliseconds since 1970: -Infinity if its beginning was not observed,
 * Infinity while it lasts. Those of a `ct timeout` object apply to packets of one protocol, and not to all of them.
 */
export interface TimeoutSource {
  timeouts: Timeouts;
  proto?: number;
  fromMs: number;
  untilMs: number;
}

/**
 * Helpers that set timeouts of their own (nf_conntrack_sip.c, nf_conntrack_h323_main.c, nf_conntrack_amanda.c, nf_conntrack_broadcast.c).
 */
export const HELPERS_WITH_TIMES = new Set(['sip', 'RAS', 'Q.931', 'H.245', 'amanda', 'netbios-ns', 'snmp']);

/** The remaining time is rounded down to whole seconds, and the clocks of kernel and process are read one after the other. */
const SLACK_MS = 2000;

/** The facts that determine when a flow's last packet was; `startedAtMs` is undefined if the kernel keeps no timestamps. */
export interface IdleFacts {
  remaining: number | undefined;
  startedAtMs: number | undefined;
  atMs: number;
}

export const UNKNOWN_IDLE: Readonly<Idle> = { atLeast: 0, atMost: Infinity };

/**
 * The timeouts that packets of such an entry may have set. Empty if nothing certain can be said: its helper sets timeouts, or no packet was
 * ever counted.
 */
export function possibleTimeouts(
  facts: TimeoutFacts & { helper: string | undefined; hadNoPacket: boolean },
  sources: readonly TimeoutSource[],
): PossibleTimeout[] {
  // An entry without a packet was created by a program (conntrackd, an undo), with whatever timeout that chose.
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
 * How long ago the last packet was, if it set one of these timeouts. Timeouts are excluded that are shorter than what remains, or that
 * would place the packet before the flow began or at a time when the timeout did not apply. The kernel rounds the remaining time down to
 * whole seconds, so a packet at this very moment leaves one second less than the full timeout. Fills `result`, so that no object is
 * allocated per row.
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

/** The idle time as in Flow: exact, bounded, or absent. */
export function toIdle({ atLeast, atMost }: Idle): Pick<Flow, 'idleSeconds' | 'idleBounds'> {
  if (atLeast === atMost) return { idleSeconds: atLeast, idleBounds: undefined };
  if (atLeast === 0 && atMost === Infinity) return { idleSeconds: undefined, idleBounds: undefined };
  return { idleSeconds: undefined, idleBounds: { atLeast, atMost: atMost === Infinity ? undefined : atMost } };
}
