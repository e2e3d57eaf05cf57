import type { TimeoutSource } from './idle.ts';
import type { Timeouts } from '../proc/timeouts.ts';

/** Timeouts of `ct timeout` objects and policies, each for one protocol. */
export interface TimeoutObject {
  proto: number;
  timeouts: Timeouts;
}
/** The timeouts of a gateway at one moment. `objects` is undefined if they could not be read. */
export interface TimeoutReading {
  sysctls: Timeouts;
  objects: readonly TimeoutObject[] | undefined;
}

/**
 * Changes that are remembered. Beyond that the oldest timeouts are assumed to have always applied, so that less is known, but nothing
 * wrong.
 */
const MAX_CHANGES = 50;

/**
 * Which timeouts packets may have set, from successive readings. A change happened at some moment between two of them. What the first
 * reading shows is assumed to have always been there: nobody can tell what was changed before.
 */
export class TimeoutHistory {
  #sysctls: { key: string; source: TimeoutSource } | undefined;
  readonly #objects = new Map<string, TimeoutSource>();
  #past: TimeoutSource[] = [];
  #readAtMs = -Infinity;
  #sources: readonly TimeoutSource[] = [];
  #isBlind = false;

  /** Records a reading taken now. */
  note({ sysctls, objects }: TimeoutReading, nowMs: number): void {
    const before = this.#sources.length === 0 ? -Infinity : this.#readAtMs;
    const key = keyOf(sysctls);
    if (this.#sysctls?.key !== key) {
      if (this.#sysctls) this.#end(this.#sysctls.source, nowMs);
      this.#sysctls = { key, source: { timeouts: sysctls, fromMs: before, untilMs: Infinity } };
    }
    this.#isBlind ||= objects === undefined;
    const found = new Map((objects ?? []).map((object) => [`${object.proto} ${keyOf(object.timeouts)}`, object]));
    for (const [name, source] of this.#objects) {
      if (found.has(name)) continue;
      this.#objects.delete(name);
      this.#end(source, nowMs);
    }
    for (const [name, { proto, timeouts }] of found)
      if (!this.#objects.has(name)) this.#objects.set(name, { proto, timeouts, fromMs: before, untilMs: Infinity });
    this.#readAtMs = nowMs;
    this.#sources = this.#isBlind ? [] : [this.#sysctls.source, ...this.#objects.values(), ...this.#past];
  }

  /** Current and former timeouts; empty if they are not known. */
  get sources(): readonly TimeoutSource[] {
    return this.#sources;
  }

  #end(source: TimeoutSource, nowMs: number): void {
    this.#past.push({ ...source, untilMs: nowMs });
    if (this.#past.length > MAX_CHANGES)
      this.#past = this.#past.slice(1).map((past, index) => (index === 0 ? { ...past, fromMs: -Infinity } : past));
  }
}

function keyOf(timeouts: Timeouts): string {
  return JSON.stringify(Object.entries(timeouts).sort(([a], [b]) => (a < b ? -1 : 1)));
}
