import type { EffectsAnswer, EffectsAsk } from './effects-ask.ts';
import type { Prospect } from './prospect.ts';
import type { ExpectedFlow } from '../../proto/model/expectation.ts';
import type { Flow, FlowKey, Tuple } from '../../proto/model/flow.ts';
import type { CounterName } from '../../proto/model/measures.ts';
import type { FlowFilter } from '../../proto/model/filter/filter.ts';
import type { Sort, SortKey } from '../../proto/model/sort.ts';

/** The facts about a WAN that flows depend on. What is absent is not known. */
export interface WanFacts {
  name: string;
  /** Current and former addresses. */
  addresses: Uint8Array[];
  interface?: string;
  isUp?: boolean;
  /** The address probed through it answers. */
  isAnswering?: boolean;
  /** When it was last seen to lose the best route, in milliseconds since 1970. */
  routeLostAtMs?: number;
}

/** Its link is up, and the address probed through it has not fallen silent. */
export function isWorking({ isUp, isAnswering }: Pick<WanFacts, 'isUp' | 'isAnswering'>): boolean {
  return isUp !== false && isAnswering !== false;
}

/** `isCertain`: it was configured or marked as one; else it only looks like one, such as a host address beside a network address. */
export interface VirtualAddress {
  address: Uint8Array;
  isCertain: boolean;
}

/** The gateway's own facts that turn entries into flows: `wan`, `protectedBy`. Passed with each query. */
export interface FlowContext {
  wans: WanFacts[];
  /** Addresses that move between the nodes of a pair, such as keepalived's. */
  virtualAddresses?: VirtualAddress[];
  /** Flows that no plan may touch, with the reason shown to people; the first match wins. */
  protections: { reason: string; filter: FlowFilter }[];
}

export interface SearchOptions {
  filter: FlowFilter;
  context: FlowContext;
  sort?: Sort;
  /** Rows wanted; 0 for counts only. */
  limit: number;
  after?: SortKey;
  withFacets?: boolean;
  /** Maximum age of the answer at the time of the query; 0 if absent. */
  maxAgeMs?: number;
  signal?: AbortSignal;
}

export interface Facet {
  field: string;
  values: { value: string; flows: number }[];
}

export interface SearchAnswer {
  rows: Flow[];
  /** All matches, also those beyond the limit. */
  total: number;
  /** Entries walked. */
  tableCount: number;
  snapshotAtMs: number;
  facets: Facet[];
  /** How the table was read for this answer, as text. */
  explain: string[];
}

/** Counts over the whole table from one walk. */
export interface Breakdown {
  atMs: number;
  walked: number;
  byProto: Record<string, number>;
  byState: Record<string, number>;
  byWan: Record<string, number>;
  /** Only WANs with stale flows; empty if it cannot be known. */
  staleByWan: Record<string, number>;
  topSources: { address: string; flows: number }[];
  /** Flows whose source is translated, by translated address and protocol: the largest groups. */
  translations: { address: string; proto: string; flows: number }[];
}

/** Cumulative since boot; a field that the kernel does not report is absent. */
export interface CpuCounters extends Partial<Record<CounterName, number>> {
  cpu: number;
}

export interface TableCounters {
  count: number;
  max?: number;
  buckets?: number;
  cpus: CpuCounters[];
}

/**
 * Identifies an entry beyond doubt: the kernel derives the id from the entry's memory address and its tuple, so a later entry may have the
 * same tuple and id.
 */
export type FlowIdentity = FlowKey & Pick<Flow, 'startedAtMs'>;

export type DeleteOutcome = 'deleted' | 'gone' | 'failed';

/** `exists`: traffic has already re-created an entry with this tuple, or with its translated one. */
export type RestoreOutcome = 'restored' | 'exists' | 'failed';

export type ExpireOutcome = 'expiring' | 'gone' | 'failed';

/** An expectation as the kernel has it. */
export interface Expectation extends ExpectedFlow {
  /** NF_CT_EXPECT_* (nf_conntrack_common.h): 1 permanent, 2 inactive, 4 created from user space. */
  flags: number;
  /** Its helper's kind of expectation, which has a policy of its own. */
  class: number;
  /** How the flow will be translated: its tuple before translation, of `orig` or of `reply`. */
  nat?: { direction: 'orig' | 'reply'; proto: number; tuple: Tuple };
  /** The kernel function that will set up the translation. */
  fn?: string;
}

/** An expectation to be created; the kernel chooses the id. */
export type NewExpectation = Omit<Expectation, 'id'>;

/** A flow for a plan, with what would happen to its next packets if it were ended; absent if that cannot be known. */
export type FoundFlow = Flow & { prospect?: Prospect };

/** `withProspects`: also what would happen to next packets; that costs a reading of all rules. */
export interface CollectOptions {
  filter: FlowFilter;
  context: FlowContext;
  signal?: AbortSignal;
  withProspects?: boolean;
}

/** One conntrack table. The kernel's and those in memory pass the same contract suite (test/contract/conntrack-table.ts). */
export interface ConntrackTable {
  readonly kind: 'kernel' | 'memory';
  /** What works here, and why the rest does not; found by trying. */
  capabilities(): Promise<{ can: string[]; cannot: Record<string, string> }>;
  counters(): Promise<TableCounters>;
  /** Entries now; far cheaper than all counters. */
  count(): Promise<number>;
  breakdown(context: FlowContext, maxAgeMs?: number): Promise<Breakdown>;
  /** Throws FILTER_UNSUPPORTED for a term this table cannot evaluate; never ignores one. */
  search(options: SearchOptions): Promise<SearchAnswer>;
  /** What a change of policy would do to its flows; absent where no packets pass, and so no rules hold. */
  effects?(ask: EffectsAsk & { context: FlowContext; signal?: AbortSignal }): Promise<EffectsAnswer>;
  /** All matches in the table's order as they are now, in batches; for plans. Ends early if the signal aborts. */
  collect(options: CollectOptions): AsyncIterable<FoundFlow[]>;
  /** Deletes exactly these entries, each by tuple, zone, id and, if known, start; outcomes in the order given. */
  delete(flows: FlowIdentity[]): Promise<DeleteOutcome[]>;
  /**
   * Whether each of these is still the same entry, by tuple, zone, id and, if the kernel keeps it, start time. To be called before anything
   * irreversible: a flow that ends and starts again may get the same id (1 to 4 of 100 did under load, on 6.18), and a delete only compares
   * ids.
   */
  areThere(flows: FlowIdentity[]): Promise<boolean[]>;
  /** Makes exactly these entries end after `seconds`, whatever traffic they have. Outcomes in the order given. */
  expire(keys: FlowKey[], seconds: number): Promise<ExpireOutcome[]>;
  /** Re-creates these flows as they were, translation included, with new ids and counters. Outcomes in the order given. */
  restore(flows: Flow[]): Promise<RestoreOutcome[]>;
  /** The entries that now have these original tuples and zones, whatever their id; undefined if there is none. In the order given. */
  lookup(keys: FlowKey[], context: FlowContext): Promise<(Flow | undefined)[]>;
  /** All expectations; with a master, only those of its helper. */
  expectations(master?: FlowKey): Promise<Expectation[]>;
  /**
   * Deletes exactly these expectations, each by tuple, zone and id; flows that already arose from one continue. Outcomes in the order
   * given.
   */
  deleteExpectations(keys: FlowKey[]): Promise<DeleteOutcome[]>;
  close(): Promise<void>;
}
