import { accessSync, constants } from 'node:fs';
import { FleetError } from '../../../proto/model/error-codes.ts';
import type { Flow, FlowKey } from '../../../proto/model/flow.ts';
import { Columns, type ColumnData } from '../rows/columns.ts';
import { Describer } from '../query/describe.ts';
import { findEntry } from '../ctnetlink/exchange.ts';
import type { EffectsAnswer, EffectsAsk } from '../effects-ask.ts';
import { openRoutes } from '../stale/routes.ts';
import { whyNoRules } from '../stale/kernel-rules.ts';
import { surroundingsOf } from './queries.ts';
import { CpuStats } from '../ctnetlink/stats.ts';
import type { Placement } from './placement.ts';
import { OpenSysctl, readSysctl } from '../proc/proc-files.ts';
import type { Freshness } from './snapshots.ts';
import { monotonicMs } from '../../time/monotonic.ts';
import type {
  Breakdown,
  CollectOptions,
  ConntrackTable,
  DeleteOutcome,
  Expectation,
  ExpireOutcome,
  FlowContext,
  FlowIdentity,
  FoundFlow,
  RestoreOutcome,
  SearchAnswer,
  SearchOptions,
  TableCounters,
} from '../table.ts';
import { TableWorker } from './worker-client.ts';

/**
 * The conntrack table of this process's network namespace. Walks, look-ups and deletes run in a worker thread; counters are read here,
 * because they cost microseconds and must not wait for a walk.
 */
export class KernelTable implements ConntrackTable {
  readonly kind = 'kernel';
  readonly #worker: TableWorker;
  readonly #count = new OpenSysctl('nf_conntrack_count');
  readonly #max = new OpenSysctl('nf_conntrack_max');
  readonly #buckets = new OpenSysctl('nf_conntrack_buckets');
  readonly #cpus = new CpuStats();

  /** @param onPlaced told of the CPUs and the priority of the thread that walks the table, when it starts */
  constructor({ onPlaced }: { onPlaced?: (placement: Placement) => void } = {}) {
    this.#worker = new TableWorker(onPlaced);
  }

  async capabilities(): Promise<{ can: string[]; cannot: Record<string, string> }> {
    const found: Record<string, string | undefined> = {
      counters: this.#count.read() === undefined ? 'nf_conntrack is not loaded.' : undefined,
      list: await refusal(() => this.lookup([NOBODY], { wans: [], protections: [] })),
      delete: await refusal(() => this.delete([NOBODY])),
      expectations: await refusal(() => this.expectations()),
      accounting:
        readSysctl('nf_conntrack_acct') === 1
          ? undefined
          : 'net.netfilter.nf_conntrack_acct is 0; packets and bytes are kept only for flows that begin while it is 1.',
      timestamps:
        readSysctl('nf_conntrack_timestamp') === 1
          ? undefined
          : 'net.netfilter.nf_conntrack_timestamp is 0; start times are kept only for flows that begin while it is 1.',
      stale: whyNoRoutes(),
      'read-rules': whyNoRules(),
      // Outside the initial network namespace the file has mode 0444, and the value of the whole machine.
      'set-max': isWritable('/proc/sys/net/netfilter/nf_conntrack_max')
        ? undefined
        : 'nf_conntrack_max may only be set by root in the initial network namespace.',
    };
    return {
      can: Object.keys(found).filter((word) => found[word] === undefined),
      cannot: Object.fromEntries(Object.entries(found).filter((pair): pair is [string, string] => pair[1] !== undefined)),
    };
  }

  async counters(): Promise<TableCounters> {
    return { count: await this.count(), max: this.#max.read(), buckets: this.#buckets.read(), cpus: this.#cpus.read() };
  }

  async count(): Promise<number> {
    const count = this.#count.read();
    if (count === undefined) throw new FleetError('CAPABILITY_MISSING', 'There is no conntrack table here: load nf_conntrack.');
    return count;
  }

  breakdown(context: FlowContext, maxAgeMs = 0): Promise<Breakdown> {
    return this.#worker.ask('breakdown', { context, freshness: freshness(maxAgeMs) });
  }

  search({ signal, maxAgeMs = 0, ...options }: SearchOptions): Promise<SearchAnswer> {
    return this.#worker.ask('search', { ...options, freshness: freshness(maxAgeMs) }, signal);
  }

  effects({ signal, ...ask }: EffectsAsk & { context: FlowContext; signal?: AbortSignal }): Promise<EffectsAnswer> {
    return this.#worker.ask('effects', { ...ask, freshness: freshness(0) }, signal);
  }

  async *collect({ filter, context, signal, withProspects }: CollectOptions): AsyncGenerator<FoundFlow[], void, void> {
    yield* describeBatches(this.#worker.batches('collect', { filter, context, withProspects, freshness: freshness(0) }, signal), context);
  }

  delete(flows: FlowIdentity[]): Promise<DeleteOutcome[]> {
    return this.#worker.ask('delete', flows.map(identityOf));
  }

  areThere(flows: FlowIdentity[]): Promise<boolean[]> {
    return this.#worker.ask('areThere', flows.map(identityOf));
  }

  expire(keys: FlowKey[], seconds: number): Promise<ExpireOutcome[]> {
    return this.#worker.ask('expire', { keys: keys.map(keyOf), seconds });
  }

  restore(flows: Flow[]): Promise<RestoreOutcome[]> {
    return this.#worker.ask('restore', flows);
  }

  lookup(keys: FlowKey[], context: FlowContext): Promise<(Flow | undefined)[]> {
    return this.#worker.ask('lookup', { keys, context });
  }

  expectations(master?: FlowKey): Promise<Expectation[]> {
    return this.#worker.ask('expectations', { master: master && keyOf(master) });
  }

  deleteExpectations(keys: FlowKey[]): Promise<DeleteOutcome[]> {
    return this.#worker.ask('deleteExpectations', keys.map(keyOf));
  }

  async close(): Promise<void> {
    await this.#worker.close();
    for (const open of [this.#count, this.#max, this.#buckets, this.#cpus]) open.close();
  }
}

/** No packet has these addresses and this protocol, so asking for it, or deleting it, tries the permission and nothing else. */
const NOBODY: FlowKey = { family: 4, proto: 255, orig: { src: '0.0.0.0', dst: '0.0.0.0' }, zone: 0, id: 0 };

/** A flow has far more to copy to the worker. */
function keyOf({ family, proto, orig, zone, id }: FlowKey): FlowKey {
  return { family, proto, orig, zone, id };
}

function identityOf(flow: FlowIdentity): FlowIdentity {
  return { ...keyOf(flow), startedAtMs: flow.startedAtMs };
}

/** Makes flows of rows on this thread, a batch at a time. */
async function* describeBatches(
  batches: AsyncIterable<ColumnData>,
  { wans, protections }: FlowContext,
): AsyncGenerator<FoundFlow[], void, void> {
  // Their idle times come with the rows.
  const surroundings = surroundingsOf(wans, { nowMs: Date.now(), sources: [], isSynced: false });
  for await (const data of batches) {
    const columns = Columns.from(data);
    const describer = new Describer(columns, surroundings, protections, findEntry);
    yield Array.from({ length: columns.count }, (_, row) => describer.found(row));
  }
}

function freshness(maxAgeMs: number): Freshness {
  return { askedAt: monotonicMs(), maxAgeMs };
}

async function refusal(attempt: () => Promise<unknown>): Promise<string | undefined> {
  try {
    await attempt();
    return undefined;
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}

function whyNoRoutes(): string | undefined {
  const routes = openRoutes();
  routes?.close();
  return routes ? undefined : 'The kernel does not tell its routes (rtnetlink), so that it is not known which flows are stale.';
}

function isWritable(path: string): boolean {
  try {
    accessSync(path, constants.W_OK);
    return true;
  } catch {
    return false;
  }
}
