import { protocolName } from '../../../proto/model/protocol.ts';
import { serviceOf } from '../../../proto/model/services.ts';
import { IPS, statusWords } from '../../../proto/model/status.ts';
import type { Breakdown, Facet } from '../table.ts';

const TOP_PORTS = 20;
export const TOP_SOURCES = 10;
export const TOP_TRANSLATIONS = 20;

/** Number of flows by value, in any order. */
export type Counts<Value> = Iterable<readonly [Value, number]>;

/** Counts by value. Values that are undefined are not counted. */
export class Tally<Value> {
  readonly #counts = new Map<Value, { flows: number }>();

  add(value: Value | undefined): void {
    if (value === undefined) return;
    const count = this.#counts.get(value);
    if (count) count.flows++;
    else this.#counts.set(value, { flows: 1 });
  }

  /** The counts, largest first; equal ones by value. At most `most` of them: a table may have a hundred thousand sources. */
  entries(most = Infinity): [Value, number][] {
    const top: [Value, number][] = [];
    for (const [value, { flows }] of this.#counts) {
      if (top.length >= 2 * most) top.sort(compareCounts).splice(most);
      top.push([value, flows]);
    }
    return top.sort(compareCounts).slice(0, most);
  }
}

function compareCounts<Value>([a, m]: readonly [Value, number], [b, n]: readonly [Value, number]): number {
  return n - m || (a < b ? -1 : 1);
}

/**
 * What facets and breakdowns count of one flow. `source` and `target`: what its source and its destination are translated to, if they are.
 */
export interface FlowFacts {
  proto: number;
  state: string | undefined;
  status: number;
  wan: string | undefined;
  dport: number | undefined;
  source: string | undefined;
  target: string | undefined;
}

/** Flows by the address that their source is translated to, and by protocol. */
export type Translations = Iterable<{ address: string; proto: number; flows: number }>;

/** The state's name, or for a protocol without states how far the flow has come. */
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
  readonly #translated = new Tally<string>();
  readonly #appOf = new Map<number, string | undefined>();

  add(flow: FlowFacts): void {
    this.#protos.add(flow.proto);
    this.#states.add(stateWord(flow));
    this.#wans.add(flow.wan);
    this.#statuses.add(flow.status);
    this.#ports.add(flow.dport);
    this.#apps.add(this.#app(flow.proto, flow.dport));
    this.#translated.add(flow.source);
    if (flow.target !== flow.source) this.#translated.add(flow.target);
  }

  facets(): Facet[] {
    return facetsOf({
      protos: this.#protos.entries(),
      states: this.#states.entries(),
      wans: this.#wans.entries(),
      statuses: this.#statuses.entries(),
      ports: this.#ports.entries(),
      apps: this.#apps.entries(),
      translated: this.#translated.entries(),
    });
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
  readonly #translations = new Map<number, Tally<string>>();
  #walked = 0;

  add(flow: Omit<FlowFacts, 'dport'>, source: Source): void {
    this.#walked++;
    this.#protos.add(flow.proto);
    this.#states.add(stateWord(flow));
    this.#wans.add(flow.wan ?? 'none');
    this.#sources.add(source);
    let byAddress = this.#translations.get(flow.proto);
    if (!byAddress) this.#translations.set(flow.proto, (byAddress = new Tally()));
    byAddress.add(flow.source);
  }

  breakdown(atMs: number, addressOf: (source: Source) => string): Breakdown {
    const sources = this.#sources.entries(TOP_SOURCES).map(([source, flows]) => [addressOf(source), flows] as const);
    const translations = [...this.#translations].flatMap(([proto, tally]) =>
      tally.entries().map(([address, flows]) => ({ address, proto, flows })),
    );
    return breakdownOf(
      { protos: this.#protos.entries(), states: this.#states.entries(), wans: this.#wans.entries(), staleWans: [], sources, translations },
      atMs,
      this.#walked,
    );
  }
}

/** The counts of a search as facets: largest first, equal ones by value, ports limited to those shown. */
export function facetsOf({
  protos,
  states,
  wans,
  statuses,
  ports,
  apps,
  translated,
}: {
  protos: Counts<number>;
  states: Counts<string>;
  wans: Counts<string>;
  statuses: Counts<number>;
  ports: Counts<number>;
  apps: Counts<string>;
  translated: Counts<string>;
}): Facet[] {
  const words = new Map<string, number>();
  for (const [status, flows] of statuses) for (const word of statusWords(status)) words.set(word, (words.get(word) ?? 0) + flows);
  return [
    facet(
      'proto',
      ordered(protos).map(([proto, flows]) => [protocolName(proto), flows]),
    ),
    facet('state', ordered(states)),
    facet('wan', ordered(wans)),
    facet('app', ordered(apps)),
    facet(
      'dport',
      ordered(ports)
        .slice(0, TOP_PORTS)
        .map(([port, flows]) => [String(port), flows]),
    ),
    facet('status', ordered(words)),
    facet('nat', ordered(translated).slice(0, TOP_TRANSLATIONS)),
  ];
}

/** The counts of a whole table; only the largest sources are kept. */
export function breakdownOf(
  {
    protos,
    states,
    wans,
    staleWans,
    sources,
    translations,
  }: {
    protos: Counts<number>;
    states: Counts<string>;
    wans: Counts<string>;
    staleWans: Counts<string>;
    sources: Counts<string>;
    translations: Translations;
  },
  atMs: number,
  walked: number,
): Breakdown {
  return {
    atMs,
    walked,
    byProto: Object.fromEntries(ordered(protos).map(([proto, flows]) => [protocolName(proto), flows])),
    byState: Object.fromEntries(ordered(states)),
    byWan: Object.fromEntries(ordered(wans)),
    staleByWan: Object.fromEntries(ordered(staleWans)),
    topSources: ordered(sources)
      .slice(0, TOP_SOURCES)
      .map(([address, flows]) => ({ address, flows })),
    translations: [...translations]
      .sort((a, b) => b.flows - a.flows || (a.address < b.address ? -1 : 1) || a.proto - b.proto)
      .slice(0, TOP_TRANSLATIONS)
      .map(({ address, proto, flows }) => ({ address, proto: protocolName(proto), flows })),
  };
}

function ordered<Value extends string | number>(counts: Counts<Value>): (readonly [Value, number])[] {
  return [...counts].sort(compareCounts);
}

function facet(field: string, counts: (readonly [string, number])[]): Facet {
  return { field, values: counts.map(([value, flows]) => ({ value, flows })) };
}
