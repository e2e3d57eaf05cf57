import { protocolName } from '../../proto/model/protocol.ts';
import { serviceOf } from '../../proto/model/services.ts';
import { IPS, statusWords } from '../../proto/model/status.ts';
import type { Breakdown, Facet } from './table.ts';

const TOP_PORTS = 20;
const TOP_SOURCES = 10;

/** Counts by value. Values that are undefined are not counted. */
export class Tally<Value> {
  readonly #counts = new Map<Value, { flows: number }>();

  add(value: Value | undefined): void {
    if (value === undefined) return;
    const count = this.#counts.get(value);
    if (count) count.flows++;
    else this.#counts.set(value, { flows: 1 });
  }

  /** The counts, largest first; equal ones by value. With `most`, so many at most: of a table's sources there may be a hundred thousand. */
  entries(most = Infinity): [Value, number][] {
    const top: [Value, number][] = [];
    for (const [value, { flows }] of this.#counts) {
      if (top.length >= 2 * most) top.sort(compareCounts).splice(most);
      top.push([value, flows]);
    }
    return top.sort(compareCounts).slice(0, most);
  }
}

function compareCounts<Value>([a, m]: [Value, number], [b, n]: [Value, number]): number {
  return n - m || (a < b ? -1 : 1);
}

/** What facets and breakdowns count of one flow. */
export interface FlowFacts { proto: number; state: string | undefined; status: number; wan: string | undefined; dport: number | undefined }

/** The state's name, or how far a flow of a protocol without states has come. */
export function stateWord({ state, status }: Pick<FlowFacts, 'state' | 'status'>): string {
  if (state !== undefined) return state;
  if (status & IPS.ASSURED) return 'assured';
  return status & IPS.SEEN_REPLY ? 'replied' : 'unreplied';
}

/** Counts for the facets of a search. */
export class FacetTally {
  readonly #protos = new Tally<number>();
  readonly #states = new Tally<string>();
  readonly #wans = new Tally<string>();
  readonly #statuses = new Tally<number>();
  readonly #ports = new Tally<number>();
  readonly #apps = new Tally<string>();
  readonly #appOf = new Map<number, string | undefined>();

  add(flow: FlowFacts): void {
    this.#protos.add(flow.proto);
    this.#states.add(stateWord(flow));
    this.#wans.add(flow.wan);
    this.#statuses.add(flow.status);
    this.#ports.add(flow.dport);
    this.#apps.add(this.#app(flow.proto, flow.dport));
  }

  facets(): Facet[] {
    const words = new Map<string, number>();
    for (const [status, flows] of this.#statuses.entries()) for (const word of statusWords(status)) words.set(word, (words.get(word) ?? 0) + flows);
    return [
      facet('proto', this.#protos.entries().map(([proto, flows]) => [protocolName(proto), flows])),
      facet('state', this.#states.entries()),
      facet('wan', this.#wans.entries()),
      facet('app', this.#apps.entries()),
      facet('dport', this.#ports.entries(TOP_PORTS).map(([port, flows]) => [String(port), flows])),
      facet('status', [...words].sort(compareCounts)),
    ];
  }

  #app(proto: number, dport: number | undefined): string | undefined {
    const key = proto * 65_537 + (dport ?? 65_536);
    if (!this.#appOf.has(key)) this.#appOf.set(key, serviceOf(proto, dport));
    return this.#appOf.get(key);
  }
}

/** Counts for a breakdown. A source is whatever identifies an address to the caller. */
export class BreakdownTally<Source extends string | number> {
  readonly #protos = new Tally<number>();
  readonly #states = new Tally<string>();
  readonly #wans = new Tally<string>();
  readonly #sources = new Tally<Source>();
  #walked = 0;

  add(flow: Omit<FlowFacts, 'dport'>, source: Source): void {
    this.#walked++;
    this.#protos.add(flow.proto);
    this.#states.add(stateWord(flow));
    this.#wans.add(flow.wan ?? 'none');
    this.#sources.add(source);
  }

  breakdown(atMs: number, addressOf: (source: Source) => string): Breakdown {
    return {
      atMs,
      walked: this.#walked,
      byProto: Object.fromEntries(this.#protos.entries().map(([proto, flows]) => [protocolName(proto), flows])),
      byState: Object.fromEntries(this.#states.entries()),
      byWan: Object.fromEntries(this.#wans.entries()),
      topSources: this.#sources.entries(TOP_SOURCES).map(([source, flows]) => ({ address: addressOf(source), flows })),
    };
  }
}

function facet(field: string, counts: [string, number][]): Facet {
  return { field, values: counts.map(([value, flows]) => ({ value, flows })) };
}
