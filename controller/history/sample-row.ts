import type { z } from 'zod';
import type { usage } from '../../proto/http/fleet.ts';
import type { CpuCounters, Sample } from '../../proto/gen/ctfleet/v1/stats.ts';
import { formatAddress } from '../../proto/model/address.ts';
import { counterFrom, countsFrom, flowsFrom, textFrom } from '../platform/untrusted.ts';

export type Usage = z.output<typeof usage>;
type Cpus = NonNullable<Usage['cpus']>;

/** From one walk of a table; counts by name. */
export interface Breakdown {
  at: string;
  byProto: Record<string, number>;
  byState: Record<string, number>;
  byWan: Record<string, number>;
  topSources: { address: string; flows: number }[];
  /** Absent from those of older agents and older rows. */
  translations?: { address: string; proto: string; flows: number }[];
}

/** A sample as the table `sample` keeps it. Counters are sums over the CPUs that tell them; absent is null there and undefined here. */
export interface SampleRow {
  at: string;
  count: number;
  max?: number;
  buckets?: number;
  drop?: number;
  earlyDrop?: number;
  insertFailed?: number;
  cpus: Cpus;
  breakdown?: Breakdown;
}

/** How far from now a sample's time may lie: raw samples live 7 days, and clocks differ a little. */
const OLDEST_MS = 7 * 86_400_000;
const NEWEST_MS = 5 * 60_000;
const MAX_NAMES = 200;
/** Linux knows no larger machine. */
const MAX_CPUS = 8192;

/** The sample as a row, undefined if its time cannot be right. Agents have corrected their times to our clock. */
export function toSampleRow(sample: Sample, nowMs: number): SampleRow | undefined {
  const atMs = Number(sample.atMs);
  if (!(atMs > nowMs - OLDEST_MS && atMs < nowMs + NEWEST_MS)) return undefined;
  const { breakdown } = sample;
  const cpus = sample.cpus.slice(0, MAX_CPUS);
  return {
    at: new Date(atMs).toISOString(),
    count: flowsFrom(sample.count),
    max: sample.max === undefined ? undefined : flowsFrom(sample.max),
    buckets: sample.buckets === undefined ? undefined : flowsFrom(sample.buckets),
    drop: sum(cpus, 'drop'),
    earlyDrop: sum(cpus, 'earlyDrop'),
    insertFailed: sum(cpus, 'insertFailed'),
    cpus: cpus.map(toCpu),
    breakdown: breakdown && {
      at: new Date(Math.max(nowMs - OLDEST_MS, Math.min(Number(breakdown.atMs), nowMs))).toISOString(),
      byProto: countsFrom(breakdown.byProto, MAX_NAMES),
      byState: countsFrom(breakdown.byState, MAX_NAMES),
      byWan: countsFrom(breakdown.byWan, MAX_NAMES),
      topSources: breakdown.topSources
        .filter(({ address }) => address.length === 4 || address.length === 16)
        .slice(0, 20)
        .map(({ address, flows }) => ({ address: formatAddress(address), flows: flowsFrom(flows) })),
      translations: breakdown.translations
        .filter(({ address }) => address.length === 4 || address.length === 16)
        .slice(0, 20)
        .map(({ address, proto, flows }) => ({ address: formatAddress(address), proto: textFrom(proto, 20), flows: flowsFrom(flows) })),
    },
  };
}

/** What an operator is told of a gateway's last minutes: the newest sample, and what changed since one about ten minutes older. */
export function toUsage(newest: SampleRow, older: SampleRow | undefined): Usage {
  const minutes = older ? (Date.parse(newest.at) - Date.parse(older.at)) / 60_000 : 0;
  const perMinute = older && minutes >= 0.5 ? (newest.count - older.count) / minutes : undefined;
  const isRising = perMinute !== undefined && perMinute > 0;
  return {
    at: newest.at,
    count: newest.count,
    max: newest.max,
    buckets: newest.buckets,
    perMinute,
    minutesToFull: isRising && newest.max !== undefined ? Math.max(0, newest.max - newest.count) / perMinute : undefined,
    lost: older && lostBetween(older.cpus, newest.cpus),
    drops: increase(older?.drop, newest.drop),
    insertFailed: increase(older?.insertFailed, newest.insertFailed),
    byProto: newest.breakdown?.byProto,
    byState: newest.breakdown?.byState,
    byWan: newest.breakdown?.byWan,
    topSources: newest.breakdown?.topSources,
    translations: newest.breakdown?.translations,
    breakdownAt: newest.breakdown?.at,
    cpus: newest.cpus.length > 0 ? newest.cpus : undefined,
  };
}

/** How far a cumulative counter rose; from zero if the gateway started anew in between; undefined if either end is unknown. */
export function increase(before: number | undefined, after: number | undefined): number | undefined {
  if (before === undefined || after === undefined) return undefined;
  return after >= before ? after - before : after;
}

/**
 * Packets that got no entry between two looks. `drop` counts those of a full table and of a port clash; `insert_failed` counts a clash
 * again, and a chain that was too
 * long, so that it says nothing by itself. Such a chain is in no other counter that says so, and 5.10 has no limit for one
 * (docs/kernels.md). Undefined where `drop`
 * is not known at both ends.
 */
export function lostBetween(before: Cpus, after: Cpus): number | undefined {
  const dropped = increase(total(before, 'drop'), total(after, 'drop'));
  return dropped === undefined ? undefined : dropped + (increase(total(before, 'chainToolong'), total(after, 'chainToolong')) ?? 0);
}

function total(cpus: Cpus, counter: 'drop' | 'chainToolong'): number | undefined {
  const known = cpus.flatMap((cpu) => cpu[counter] ?? []);
  return known.length === 0 ? undefined : known.reduce((one, other) => one + other, 0);
}

function sum(cpus: CpuCounters[], counter: 'drop' | 'earlyDrop' | 'insertFailed'): number | undefined {
  const known = cpus.flatMap((cpu) => cpu[counter] ?? []);
  return known.length === 0 ? undefined : counterFrom(known.reduce((total, value) => total + value, 0n));
}

function toCpu({ cpu, ...counters }: CpuCounters): Cpus[number] {
  return {
    cpu,
    found: toNumber(counters.found),
    invalid: toNumber(counters.invalid),
    insert: toNumber(counters.insert),
    insertFailed: toNumber(counters.insertFailed),
    drop: toNumber(counters.drop),
    earlyDrop: toNumber(counters.earlyDrop),
    error: toNumber(counters.error),
    searchRestart: toNumber(counters.searchRestart),
    clashResolve: toNumber(counters.clashResolve),
    chainToolong: toNumber(counters.chainToolong),
  };
}

function toNumber(value: bigint | undefined): number | undefined {
  return value === undefined ? undefined : counterFrom(value);
}
