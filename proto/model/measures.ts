/**
 * The catalogue of measures: every number of a sample, once. Agents gather them, the history stores them, and metrics and charts show them,
 * all from this list, so that one that is added here and forgotten elsewhere does not compile, or fails a test.
 */

/** What a number counts. */
export type Unit = 'flows' | 'flows/s' | 'buckets' | 'packets' | 'searches' | 'events' | 'flag';

/**
 * How the samples of a bucket become one value.
 *
 *     rise        a counter since the gateway started: its increase, from zero after a restart
 *     mean        a gauge: its mean, and its maximum as `…Max`
 *     max         a gauge that is set rather than measured: its maximum
 */
export type RollUp = 'rise' | 'mean' | 'max';

interface Measure {
  unit: Unit;
  rollUp: RollUp;
  /**
   * Column in the tables `sample`, `sample_minute` and `sample_hour`; a mean has `_sum`, `_max` and, unless it is always known, `_samples`.
   */
  column: string;
  /** Every sample has it. */
  isAlwaysKnown?: true;
  /** Prometheus metric; where node_exporter has one, the name is node_exporter's. */
  metric: { name: string; help: string };
  /** For people: its column heading. */
  words: string;
}

function counter<Column extends string>(column: Column, unit: Unit, kernelName: string = column) {
  return {
    unit,
    rollUp: 'rise',
    column,
    metric: { name: `node_nf_conntrack_stat_${kernelName}`, help: `Sum over all CPUs of the kernel's ${kernelName} counter.` },
    words: kernelName,
  } as const satisfies Measure;
}

/** Numbers of a whole table. Counters are the kernel's, reported per CPU and stored as a sum; `docs/kernels.md` says which overlap. */
export const NUMBERS = {
  count: {
    unit: 'flows',
    rollUp: 'mean',
    column: 'count',
    isAlwaysKnown: true,
    metric: { name: 'node_nf_conntrack_entries', help: 'Number of currently allocated flow entries for connection tracking.' },
    words: 'Entries',
  },
  max: {
    unit: 'flows',
    rollUp: 'max',
    column: 'max',
    metric: { name: 'node_nf_conntrack_entries_limit', help: 'Maximum size of connection tracking table.' },
    words: 'Limit',
  },
  buckets: {
    unit: 'buckets',
    rollUp: 'max',
    column: 'buckets',
    metric: { name: 'ctfleet_hash_buckets', help: 'Buckets of the hash table in which flows are found.' },
    words: 'Buckets',
  },
  newPerSecond: {
    unit: 'flows/s',
    rollUp: 'mean',
    column: 'new_per_second',
    metric: { name: 'ctfleet_new_flows_per_second', help: 'Flows that began, a second, between the last two samples.' },
    words: 'New a second',
  },
  endedPerSecond: {
    unit: 'flows/s',
    rollUp: 'mean',
    column: 'ended_per_second',
    metric: { name: 'ctfleet_ended_flows_per_second', help: 'Flows that ended, a second, between the last two samples.' },
    words: 'Ended a second',
  },
  /** 1: kernel events were lost meanwhile, so the rates are lower bounds. */
  ratesLowerBound: {
    unit: 'flag',
    rollUp: 'max',
    column: 'rates_lower_bound',
    metric: {
      name: 'ctfleet_flow_rates_lower_bound',
      help: 'Whether events were lost, so that rates of flows are lower bounds (1) or not (0).',
    },
    words: 'At least',
  },
  found: counter('found', 'searches'),
  invalid: counter('invalid', 'packets'),
  insert: counter('insert', 'flows'),
  insertFailed: counter('insert_failed', 'packets'),
  drop: counter('drop', 'packets'),
  earlyDrop: counter('early_drop', 'flows'),
  error: counter('error', 'packets'),
  searchRestart: counter('search_restart', 'searches'),
  clashResolve: counter('clash_resolve', 'packets'),
  chainToolong: counter('chain_toolong', 'packets', 'chaintoolong'),
} as const satisfies Record<string, Measure>;

export type NumberName = keyof typeof NUMBERS;
export const NUMBER_NAMES = Object.keys(NUMBERS) as NumberName[];

/** Names of the numbers with one kind of roll-up. */
export type NumberOf<R extends RollUp> = { [N in NumberName]: (typeof NUMBERS)[N]['rollUp'] extends R ? N : never }[NumberName];

/** Those that the kernel reports per CPU. */
export type CounterName = NumberOf<'rise'>;
export const COUNTER_NAMES = NUMBER_NAMES.filter((name) => NUMBERS[name].rollUp === 'rise') as CounterName[];

/** True for what the kernel counts since the gateway started. */
export function isCounter(name: NumberName): name is CounterName {
  return NUMBERS[name].rollUp === 'rise';
}

/** Those of the table itself, at a point in time. */
export type GaugeName = Exclude<NumberName, CounterName>;
export const GAUGE_NAMES = NUMBER_NAMES.filter((name) => NUMBERS[name].rollUp !== 'rise') as GaugeName[];

/** The numbers of one sample; absent means unknown. */
export type Numbers = Partial<Record<NumberName, number>>;

/** The counters of one CPU; absent means not reported. */
export type CpuCounters = Partial<Record<CounterName, number>>;

/** Counters of the whole machine: sums over the CPUs that report them. */
export function totalsOf(cpus: readonly CpuCounters[]): CpuCounters {
  const totals: CpuCounters = {};
  for (const cpu of cpus) for (const name of COUNTER_NAMES) if (cpu[name] !== undefined) totals[name] = (totals[name] ?? 0) + cpu[name];
  return totals;
}

/** Numbers of one bucket of a chart: an increase, a mean with its maximum, or a maximum. */
export type PointName = NumberName | `${NumberOf<'mean'>}Max`;
export const POINT_NAMES: readonly PointName[] = NUMBER_NAMES.flatMap((name): PointName[] =>
  isMean(name) ? [name, `${name}Max`] : [name],
);

/** True for those stored as a mean and a maximum. */
export function isMean(name: NumberName): name is NumberOf<'mean'> {
  return NUMBERS[name].rollUp === 'mean';
}

/** A label of a metric is never an address. */
interface Facet {
  metric: { name: string; help: string; label: string };
}

/** Flows by name, from one walk of the table. */
export const FACETS = {
  byProto: { metric: { name: 'ctfleet_flows', help: 'Flows by protocol, from the last walk of the table.', label: 'proto' } },
  byState: { metric: { name: 'ctfleet_flows_by_state', help: 'Flows by state, from the last walk of the table.', label: 'state' } },
  byWan: {
    metric: { name: 'ctfleet_flows_by_wan', help: 'Flows by the WAN that they use, from the last walk of the table.', label: 'wan' },
  },
  staleByWan: {
    metric: {
      name: 'ctfleet_stale_flows_by_wan',
      help: 'Flows that their WAN can no longer carry, from the last walk of the table.',
      label: 'wan',
    },
  },
} as const satisfies Record<string, Facet>;

export type FacetName = keyof typeof FACETS;
export const FACET_NAMES = Object.keys(FACETS) as FacetName[];
