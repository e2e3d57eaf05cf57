import { formatAddress } from '../../proto/model/address.ts';
import type { Flow, FlowKey } from '../../proto/model/flow.ts';
import type { FlowFilter } from '../../proto/model/filter/filter.ts';
import { compileFilter, impliedFamily, stateOf, type Surroundings } from './compile.ts';
import { Describer } from './describe.ts';
import { findBodies, findEntry } from './kernel-commands.ts';
import { readLabelNames } from './labels.ts';
import { rawSortValue } from './raw-sort.ts';
import type { Breakdown, FlowContext, SearchAnswer, SearchOptions } from './table.ts';
import { BreakdownTally, FacetTally, type FlowFacts } from './tally.ts';
import type { Timeouts } from './timeouts.ts';
import { TopRows } from './top-rows.ts';
import { WanNames } from './wan-names.ts';
import { walkTable } from './walk.ts';
import type { Bodies } from './worker-messages.ts';
import { networkI32, type RawEntry } from './wire/raw-entry.ts';

/** Flows of one batch of a collection; to describe them takes about 2 ms, and is done on the main thread. */
const COLLECT_BATCH = 250;

/** The questions about the kernel's table that a walk answers. They block their thread, so they run in the worker. */
export class KernelQuestions {
  readonly #now: () => number;
  readonly #timeouts: () => Timeouts;

  constructor(now: () => number, timeouts: () => Timeouts) {
    this.#now = now;
    this.#timeouts = timeouts;
  }

  /** One walk. `checkpoint` is called after each block and may throw to end it. */
  search({ filter, context, sort = { field: 'id', descending: false }, limit, after, withFacets }: Omit<SearchOptions, 'signal'>, checkpoint: () => void): SearchAnswer {
    const surroundings = this.#surroundings(context.wans);
    const matches = compileFilter(filter, surroundings);
    const describer = new Describer(surroundings, context.protections, findEntry);
    const valueOf = rawSortValue(sort.field, surroundings);
    const top = new TopRows<Uint8Array>({ limit, descending: sort.descending, after });
    const facets = withFacets ? new FacetTally() : undefined;
    let total = 0;
    let tableCount = 0;
    const walk = walkTable(impliedFamily(filter), (entry) => {
      tableCount++;
      if (!matches(entry)) return;
      total++;
      facets?.add(factsOf(entry, surroundings));
      if (limit > 0) top.offer({ value: valueOf(entry), id: entry.id }, () => entry.copyBody());
    });
    for (const _ of walk) checkpoint();
    return { rows: top.rows().map((body) => describer.flow(body)), total, tableCount, snapshotAtMs: surroundings.nowMs, facets: facets?.facets() ?? [] };
  }

  breakdown(context: FlowContext, checkpoint: () => void): Breakdown {
    const surroundings = this.#surroundings(context.wans);
    const tally = new BreakdownTally<number | string>();
    const walk = walkTable(undefined, (entry) => {
      const { family, bytes, orig } = entry;
      tally.add(factsOf(entry, surroundings), family === 4 ? networkI32(bytes, orig.src) : Buffer.from(bytes.buffer, bytes.byteOffset + orig.src, 16).toString('latin1'));
    });
    for (const _ of walk) checkpoint();
    return tally.breakdown(surroundings.nowMs, (source) => formatAddress(typeof source === 'number' ? Uint8Array.of(source >>> 24, source >>> 16, source >>> 8, source) : Buffer.from(source, 'latin1')));
  }

  /** The bodies of all matches in batches; between batches the caller may wait as long as it wants, the kernel does. */
  *collect({ filter, wans }: { filter: FlowFilter; wans: FlowContext['wans'] }, checkpoint: () => void): Generator<Bodies, void, void> {
    const matches = compileFilter(filter, this.#surroundings(wans));
    let batch: Uint8Array[] = [];
    const walk = walkTable(impliedFamily(filter), (entry) => {
      if (matches(entry)) batch.push(entry.copyBody());
    });
    for (const _ of walk) {
      checkpoint();
      if (batch.length < COLLECT_BATCH) continue;
      yield joined(batch);
      batch = [];
    }
    if (batch.length > 0) yield joined(batch);
  }

  lookup(keys: readonly FlowKey[], context: FlowContext): (Flow | undefined)[] {
    const describer = new Describer(this.#surroundings(context.wans), context.protections, findEntry);
    return findBodies(keys).map((body) => body && describer.flow(body));
  }

  #surroundings(wans: FlowContext['wans']): Surroundings {
    return surroundingsOf(wans, this.#now(), this.#timeouts());
  }
}

/** What the gateway's own files and the question say that entries are settled against. */
export function surroundingsOf(wans: FlowContext['wans'], nowMs: number, timeouts: Timeouts): Surroundings {
  return { nowMs, timeouts, labels: readLabelNames(), wans: new WanNames(wans) };
}

function joined(batch: Uint8Array[]): Bodies {
  let length = 0;
  const ends = batch.map((body) => (length += body.length));
  const bytes = new Uint8Array(length);
  batch.forEach((body, index) => bytes.set(body, ends[index]! - body.length));
  return { bytes, ends };
}

function factsOf(entry: RawEntry, { wans }: Surroundings): FlowFacts {
  return { proto: entry.proto, state: stateOf(entry), status: entry.status, wan: wans.ofEntry(entry), dport: entry.orig.dport < 0 ? undefined : entry.orig.dport };
}
