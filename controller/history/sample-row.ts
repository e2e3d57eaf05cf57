import type { z } from 'zod';
import type { usage } from '../../proto/http/fleet.ts';
import type { Breakdown as WireBreakdown, CpuCounters, Sample } from '../../proto/gen/ctfleet/v1/stats.ts';
import { formatAddress } from '../../proto/model/address.ts';
import {
  COUNTER_NAMES,
  FACET_NAMES,
  GAUGE_NAMES,
  type CounterName,
  type FacetName,
  type GaugeName,
  totalsOf,
  type Numbers,
} from '../../proto/model/measures.ts';
import { counterFrom, countsFrom, flowsFrom, rateFrom, textFrom } from '../platform/untrusted.ts';

export type Usage = z.output<typeof usage>;
type Cpus = NonNullable<Usage['cpus']>;

/** From one walk of a table; counts by name. Facets added later are absent from older rows. */
export interface Breakdown extends Partial<Record<FacetName, Record<string, number>>> {
  at: string;
  topSources: { address: string; flows: number }[];
  /** Absent from breakdowns of older agents and older rows. */
  translations?: { address: string; proto: string; flows: number }[];
}

/** A sample as stored in the table `sample`. Counters are sums over the CPUs that report them; absent is null there. */
export interface SampleRow {
  at: string;
  numbers: Numbers;
  cpus: Cpus;
  breakdown?: Breakdown;
}

/** How far from now a sample's time may be: raw samples are kept 7 days, and clocks differ a little. */
const OLDEST_MS = 7 * 86_400_000;
const NEWEST_MS = 5 * 60_000;
/** A newest sample that is older says nothing about now. */
export const RECENT_MS = 3_600_000;
const MAX_NAMES = 200;
/** Linux supports no larger machine. */
const MAX_CPUS = 8192;

/** The sample as a row; undefined if its time cannot be right. Agents have already corrected their times to our clock. */
export function toSampleRow(sample: Sample, nowMs: number): SampleRow | undefined {
  const atMs = Number(sample.atMs);
  if (!(atMs > nowMs - OLDEST_MS && atMs < nowMs + NEWEST_MS)) return undefined;
  // Its WANs belong to the gateway's row. A field that nobody handles does not compile.
  const { atMs: _time, wans: _wans, cpus: told, breakdown, rates, count, max, buckets, ...untaken } = sample;
  untaken satisfies Record<string, never>;
  const cpus = told.slice(0, MAX_CPUS).map(toCpu);
  const gauges: Record<GaugeName, number | undefined> = {
    count: flowsFrom(count),
    max: max === undefined ? undefined : flowsFrom(max),
    buckets: buckets === undefined ? undefined : flowsFrom(buckets),
    newPerSecond: rateFrom(rates?.newPerSecond),
    endedPerSecond: rateFrom(rates?.endedPerSecond),
    ratesLowerBound: rates && Number(rates.isLowerBound),
  };
  return {
    at: new Date(atMs).toISOString(),
    numbers: { ...gauges, ...totalsOf(cpus) },
    cpus,
    breakdown: breakdown && toBreakdown(breakdown, nowMs),
  };
}

function toBreakdown(told: WireBreakdown, nowMs: number): Breakdown {
  const { atMs, walked: _walked, topSources, translations, ...facets } = told;
  facets satisfies Record<FacetName, unknown> & Record<Exclude<keyof typeof facets, FacetName>, never>;
  return {
    at: new Date(Math.max(nowMs - OLDEST_MS, Math.min(Number(atMs), nowMs))).toISOString(),
    ...Object.fromEntries(FACET_NAMES.map((name) => [name, countsFrom(facets[name], MAX_NAMES)])),
    topSources: topSources
      .filter(({ address }) => address.length === 4 || address.length === 16)
      .slice(0, 20)
      .map(({ address, flows }) => ({ address: formatAddress(address), flows: flowsFrom(flows) })),
    translations: translations
      .filter(({ address }) => address.length === 4 || address.length === 16)
      .slice(0, 20)
      .map(({ address, proto, flows }) => ({ address: formatAddress(address), proto: textFrom(proto, 20), flows: flowsFrom(flows) })),
  };
}

/** What operators see of a gateway's last minutes: the newest sample, and what changed since one about ten minutes older. */
export function toUsage(newest: SampleRow, older: SampleRow | undefined): Usage {
  const { count, max } = newest.numbers;
  const minutes = older ? (Date.parse(newest.at) - Date.parse(older.at)) / 60_000 : 0;
  const perMinute = older && minutes >= 0.5 ? (count! - older.numbers.count!) / minutes : undefined;
  const isRising = perMinute !== undefined && perMinute > 0;
  const rise = (counter: CounterName): number | undefined => increase(older?.numbers[counter], newest.numbers[counter]);
  const { at: breakdownAt, ...parts } = newest.breakdown ?? {};
  return {
    at: newest.at,
    ...Object.fromEntries(GAUGE_NAMES.map((name) => [name, newest.numbers[name]])),
    count: count!,
    perMinute,
    minutesToFull: isRising && max !== undefined ? Math.max(0, max - count!) / perMinute : undefined,
    lost: older && lostBetween(older.numbers, newest.numbers),
    drops: rise('drop'),
    insertFailed: rise('insertFailed'),
    ...parts,
    breakdownAt,
    cpus: newest.cpus.length > 0 ? newest.cpus : undefined,
  };
}

/** How far a cumulative counter rose; from zero if the gateway restarted in between; undefined if either value is unknown. */
export function increase(before: number | undefined, after: number | undefined): number | undefined {
  if (before === undefined || after === undefined) return undefined;
  return after >= before ? after - before : after;
}

/**
 * Packets that got no entry between two samples. `drop` counts those lost to a full table and to a port clash; `insert_failed` counts a
 * clash again, and chains that were too long, so it says nothing by itself. Packets lost to a too-long chain are not in `drop`, only in
 * `chain_toolong`; 5.10 has no chain limit (docs/kernels.md). Undefined if `drop` is not known for both samples.
 */
export function lostBetween(before: Numbers, after: Numbers): number | undefined {
  const dropped = increase(before.drop, after.drop);
  return dropped === undefined ? undefined : dropped + (increase(before.chainToolong, after.chainToolong) ?? 0);
}

function toCpu({ cpu, ...counters }: CpuCounters): Cpus[number] {
  counters satisfies Partial<Record<CounterName, bigint>> & Record<Exclude<keyof typeof counters, CounterName>, never>;
  const known = COUNTER_NAMES.flatMap((name) => (counters[name] === undefined ? [] : [[name, counterFrom(counters[name])] as const]));
  return { cpu, ...Object.fromEntries(known) };
}
