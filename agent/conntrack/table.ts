import type { Prospect } from './prospect.ts';
import type { Flow, FlowKey, Tuple } from '../../proto/model/flow.ts';
import type { CounterName } from '../../proto/model/measures.ts';
import type { FlowFilter } from '../../proto/model/filter/filter.ts';
import type { Sort, SortKey } from '../../proto/model/sort.ts';

/** A way out of the gateway, as far as flows depend on it. What is absent is not known. */
export interface WanFacts {
  name: string;
  /** Those it has and had. */
  addresses: Uint8Array[];
  interface?: string;
  isUp?: boolean;
  /** What is probed through it answers. */
  isAnswering?: boolean;
  /** When it was last seen to lose the best route, in milliseconds since 1970. */
  routeLostAtMs?: number;
}

/** Its link is up, and what is probed through it has not fallen silent. */
export function isWorking({ isUp, isAnswering }: Pick<WanFacts, 'isUp' | 'isAnswering'>): boolean {
  return isUp !== false && isAnswering !== false;
}

/** `isCertain`: it was said, or marked, to be one; else it only looks like one, as a lone address beside that of the network does. */
export interface VirtualAddress {
  address: Uint8Array;
  isCertain: boolean;
}

/** What the gateway knows about itself that turns entries into flows: `wan`, `protectedBy`. Given with each question. */
export interface FlowContext {
  wans: WanFacts[];
  /** Addresses that move between the nodes of a pair, such as keepalived's. */
  virtualAddresses?: VirtualAddress[];
  /** Flows that no plan may touch, with the reason shown to people; the first that fits wins. */
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
  /** How much older than the question the answer may be; 0 if it is not said. */
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
  /** How the table was read for this answer, in words. */
  explain: string[];
}

/** Counts over the whole table from one walk. */
export interface Breakdown {
  atMs: number;
  walked: number;
  byProto: Record<string, number>;
  byState: Record<string, number>;
  byWan: Record<string, number>;
  /** Only WANs with stale flows; none where it cannot be known. */
  staleByWan: Record<string, number>;
  topSources: { address: string; flows: number }[];
  /** Flows whose source is translated, by the address that stands for it and by protocol: those with most. */
  translations: { address: string; proto: string; flows: number }[];
}

/** Cumulative since boot; a field the kernel does not give is absent. */
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
 * Names an entry beyond doubt: the kernel makes an id from where the entry lies in memory and from its tuple, so a tuple may come back with
 * its id.
 */
export type FlowIdentity = FlowKey & Pick<Flow, 'startedAtMs'>;

export type DeleteOutcome = 'deleted' | 'gone' | 'failed';

/** `exists`: traffic has already made an entry of this tuple, or of its translated one, anew. */
export type RestoreOutcome = 'restored' | 'exists' | 'failed';

export type ExpireOutcome = 'expiring' | 'gone' | 'failed';

/**
 * A flow that a helper says will come, such as the data connection of an FTP session: it may pass as related, and its entry gets a master.
 * The
 * key's `orig` is the tuple that it is to have, where `mask` has bits.
 */
export interface Expectation extends FlowKey {
  mask: Tuple;
  /** The flow whose helper said so. */
  master: Omit<FlowKey, 'id'>;
  /** Absent where it waits without end. */
  timeoutSeconds?: number;
  helper?: string;
  /** NF_CT_EXPECT_* (nf_conntrack_common.h): 1 permanent, 2 inactive, 4 made from user space. */
  flags: number;
  /** Its helper's kind of expectation, which has a policy of its own. */
  class: number;
  /** How the flow will be translated: the tuple that it has before, of `orig` or of `reply`. */
  nat?: { direction: 'orig' | 'reply'; proto: number; tuple: Tuple };
  /** The kernel's function that will set the translation up. */
  fn?: string;
}

/** What an expectation is made from; the kernel chooses the id. */
export type NewExpectation = Omit<Expectation, 'id'>;

/** A flow that is to be planned for, with what its next packets would meet if it was ended; absent where that cannot be known. */
export type FoundFlow = Flow & { prospect?: Prospect };

/** `withProspects`: also what next packets would meet; that costs a reading of all rules. */
export interface CollectOptions {
  filter: FlowFilter;
  context: FlowContext;
  signal?: AbortSignal;
  withProspects?: boolean;
}

/** One conntrack table. The kernel's and the one in memory pass the same contract suite (test/contract/conntrack-table.ts). */
export interface ConntrackTable {
  readonly kind: 'kernel' | 'memory';
  /** What works here, and for what does not, why; found by trying. */
  capabilities(): Promise<{ can: string[]; cannot: Record<string, string> }>;
  counters(): Promise<TableCounters>;
  /** Entries now; far cheaper than all counters. */
  count(): Promise<number>;
  breakdown(context: FlowContext, maxAgeMs?: number): Promise<Breakdown>;
  /** Throws FILTER_UNSUPPORTED for a term this table cannot evaluate; never ignores one. */
  search(options: SearchOptions): Promise<SearchAnswer>;
  /** All matches in the table's order as they are now, in batches; for plans. Ends early if the signal aborts. */
  collect(options: CollectOptions): AsyncIterable<FoundFlow[]>;
  /** Ends exactly these entries, each by tuple, zone, id and, where it is known, start; outcomes in the order given. */
  delete(flows: FlowIdentity[]): Promise<DeleteOutcome[]>;
  /**
   * Whether each of these is still the entry it was, by tuple, zone, id and, where the kernel keeps it, start time. Asked before what
   * cannot be
   * taken back: a flow that ends and starts again may get the id it had (1 to 4 of 100 did under load, on 6.18), and a delete only compares
   * ids.
   */
  areThere(flows: FlowIdentity[]): Promise<boolean[]>;
  /** Lets exactly these entries end after so many seconds, whatever traffic they have. Outcomes in the order given. */
  expire(keys: FlowKey[], seconds: number): Promise<ExpireOutcome[]>;
  /** Makes these flows again as they were, translation included, with ids and counters that begin anew. Outcomes in the order given. */
  restore(flows: Flow[]): Promise<RestoreOutcome[]>;
  /** The entries that now have these original tuples and zones, whatever their id; undefined where there is none. In the order given. */
  lookup(keys: FlowKey[], context: FlowContext): Promise<(Flow | undefined)[]>;
  /** What helpers expect; with a master only what that flow's helper does. */
  expectations(master?: FlowKey): Promise<Expectation[]>;
  /** Ends exactly these expectations, each by tuple, zone and id; flows that came of one go on. Outcomes in the order given. */
  deleteExpectations(keys: FlowKey[]): Promise<DeleteOutcome[]>;
  close(): Promise<void>;
}
