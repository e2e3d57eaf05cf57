import type { Rates } from '../../proto/gen/ctfleet/v1/stats.ts';
import type { EventTotals } from '../conntrack/events/table-events.ts';
import type { Collector, Measures } from './collector.ts';

/** One reading: events since listening began, and the table's count. */
export interface EventReading {
  atMs: number;
  events: Pick<EventTotals, 'born' | 'ended' | 'overflows'>;
  count: number;
}

/**
 * Flows a second between two readings; undefined if no time has passed. Flows that were born without making the table grow have ended, with
 * an event or without (see EventTotals.ended). Where events were lost, the growth or shrinkage of the table gives the lower bound.
 */
export function ratesBetween(before: EventReading, after: EventReading): Rates | undefined {
  const seconds = (after.atMs - before.atMs) / 1000;
  if (seconds <= 0) return undefined;
  const grown = after.count - before.count;
  const born = Math.max(since(before.events.born, after.events.born), grown);
  const ended = Math.max(since(before.events.ended, after.events.ended), born - grown);
  return {
    newPerSecond: born / seconds,
    endedPerSecond: ended / seconds,
    isLowerBound: after.events.overflows !== before.events.overflows,
  };
}

/** The difference of two counts that wrap around at 2^32. */
function since(before: number, after: number): number {
  return (after - before) >>> 0;
}

/** Flows a second from one sample to the next, once the kernel's events are received. */
export class EventRates implements Collector {
  readonly name = 'rates';
  readonly #totals: () => EventReading['events'] | undefined;
  readonly #now: () => number;
  #before: EventReading | undefined;

  /** @param totals undefined while no events are received; `now`: milliseconds on any clock that only goes forward */
  constructor(totals: () => EventReading['events'] | undefined, now: () => number) {
    this.#totals = totals;
    this.#now = now;
  }

  async collect({ count }: Measures): Promise<Measures> {
    const events = this.#totals();
    if (events === undefined || count === undefined) return {};
    const reading = { atMs: this.#now(), events, count: Number(count) };
    const before = this.#before;
    this.#before = reading;
    return { rates: before && ratesBetween(before, reading) };
  }
}
