import type { Flow } from '../../proto/model/flow.ts';
import { sortValue, type SortKey } from '../../proto/model/sort.ts';
import { mergeSorted } from './merge.ts';
import {
  afterPlace,
  agentField,
  compareGateways,
  compareKeys,
  type After,
  type MergeOrder,
  type NamedGateway,
  type Place,
} from './place.ts';
import { whyNotInOrder } from './row-order.ts';

/** What one gateway is asked for: so many rows, and so many keys of rows, after a place. */
export interface RoundAsk {
  gatewayId: string;
  limit: number;
  keys: number;
  after: Exclude<After, 'its-end'>;
  /** Counts and facets are asked for once. */
  isFirst: boolean;
}

/** What came of it. Keys are those of the first rows, whether or not the rows were asked for. */
export interface RoundAnswer {
  rows: Flow[];
  keys: SortKey[];
  /** All matches, before and after the place. */
  total: number;
}

export interface PageRow {
  gatewayId: string;
  flow: Flow;
}

/** A row that is known to exist; without its flow only its key came. */
interface Known {
  part: Part;
  key: SortKey;
  flow?: Flow;
}

/**
 * What is known of one gateway: its first rows, in order, of which the first `withFlow` came whole.
 *
 *   asked ── answer ──▶ heard ── more is needed ──▶ asked
 *     └──── slow, offline, caught in a lie ──▶ left out
 */
interface Part {
  gateway: NamedGateway;
  rank: number;
  start: After;
  state: 'asked' | 'heard' | 'left out';
  known: Known[];
  withFlow: number;
  /** The last key up to which rows came, also such as are not shown twice. */
  readTo?: SortKey;
  /** Nothing comes after what is known. */
  isWhole: boolean;
  total?: number;
}

/** Keys in a first answer at most. */
const MAX_KEYS = 16;

/**
 * Which rows of which gateways a page needs. Gateways say how many rows match, and the first of them or, where there are more gateways than
 * rows on the page, only their keys; then those are asked again whose unknown rows may still belong to the page. In each round the gateways
 * that are asked have twice what the page lacks, so that at most half of them are asked again.
 */
export class Rounds {
  readonly #parts: Part[];
  readonly #byId: Map<string, Part>;
  readonly #order: MergeOrder;
  readonly #limit: number;

  /** @param place the last row of the page before */
  constructor(gateways: readonly NamedGateway[], { order, limit, place }: { order: MergeOrder; limit: number; place?: Place }) {
    this.#order = order;
    this.#limit = limit;
    this.#parts = gateways
      .toSorted((a, b) => compareGateways(a, b, order))
      .map((gateway, rank) => {
        const start = afterPlace(gateway, place, order);
        return { gateway, rank, start, state: 'asked', known: [], withFlow: 0, isWhole: limit === 0 || start === 'its-end' };
      });
    this.#byId = new Map(this.#parts.map((part) => [part.gateway.id, part]));
  }

  /** The first round: every gateway. */
  first(): RoundAsk[] {
    const open = this.#parts.filter(({ isWhole }) => !isWhole);
    const each = Math.min(this.#limit + 1, Math.ceil((2 * this.#limit) / open.length) + 1);
    const isByRow = open.length <= this.#limit;
    const keys = isByRow || this.#order.field === 'gateway' ? 0 : Math.min(MAX_KEYS, each);
    return this.#parts.map((part) => {
      const limit = part.isWhole ? 0 : isByRow ? each : part === open[0] && keys === 0 ? this.#limit + 1 : 0;
      return { ...this.#ask(part, limit), keys: part.isWhole ? 0 : keys, isFirst: true };
    });
  }

  /**
   * Takes an answer. Undefined, or why it cannot be true: then nothing of that gateway is shown, and it is not asked again. Whatever a
   * gateway says, each answer brings it closer to its end or to that of the page.
   */
  take(ask: RoundAsk, { rows, keys, total }: RoundAnswer): string | undefined {
    const part = this.#byId.get(ask.gatewayId)!;
    if (part.state !== 'asked') return undefined;
    const field = agentField(this.#order);
    const came = rows.map((flow): Known => ({ part, key: { value: sortValue(flow, field), id: flow.id }, flow }));
    const told = keys.slice(0, ask.keys);
    const order = { field, compare: (a: SortKey, b: SortKey) => compareKeys(a, b, this.#order), after: ask.after };
    const lie =
      whyNotInOrder(
        came.map(({ key }) => key),
        order,
      ) ?? whyNotInOrder(told, order);
    if (lie !== undefined) {
      this.#leaveOut(part, []);
      return lie;
    }
    part.state = 'heard';
    part.total ??= total;
    const isCut = ask.limit > 0 ? came.length >= ask.limit : ask.keys > 0 && told.length > 0 ? told.length >= ask.keys : part.total > 0;
    part.isWhole ||= !isCut;
    const shown = new Set(part.known.slice(0, part.withFlow).map(({ flow }) => identityOf(flow!)));
    const whole = [...part.known.slice(0, part.withFlow), ...came.filter(({ flow }) => !shown.has(identityOf(flow!)))];
    part.readTo = came.at(-1)?.key ?? part.readTo;
    const { readTo } = part;
    const keysBefore = ask.isFirst ? told.map((key): Known => ({ part, key })) : part.known.slice(part.withFlow);
    // Of an answer with fewer rows than were asked for, nothing is beyond.
    const beyond = ask.limit > 0 && !isCut ? [] : keysBefore.filter(({ key }) => !readTo || compareKeys(key, readTo, this.#order) > 0);
    part.known = [...whole, ...beyond];
    part.withFlow = whole.length;
    return undefined;
  }

  /** A gateway did not answer. What it said in earlier rounds stays. */
  fail(gatewayId: string): void {
    const part = this.#byId.get(gatewayId)!;
    this.#leaveOut(part, part.known.slice(0, part.withFlow));
  }

  /** Whom to ask next, given what came; nobody if the page is settled, or hangs on answers that are still awaited. */
  next(): RoundAsk[] {
    if (this.#limit === 0) return [];
    const { merged, open } = this.#look();
    const keysOnly = new Map<Part, number>();
    for (const part of withoutFlow(merged.slice(0, this.#limit))) keysOnly.set(part, (keysOnly.get(part) ?? 0) + 1);
    const more = this.#order.field === 'gateway' ? this.#moreInTurn(open) : this.#moreOfEach(merged, open);
    return [...new Set([...keysOnly.keys(), ...more.keys()])]
      .filter(({ state }) => state === 'heard')
      .map((part) => this.#ask(part, (keysOnly.get(part) ?? 0) + (more.get(part) ?? 0)));
  }

  /** The page as far as it is known: its rows may still be joined by others. */
  preview(): PageRow[] {
    return this.#look().merged.slice(0, this.#limit).flatMap(toPageRow);
  }

  /** The rows up to the first of which it is not sure that it is the next, the place of the last of them, and whether more follow. */
  page(): { rows: PageRow[]; place?: Place; isMore: boolean } {
    const { merged, open } = this.#look();
    const sure = Math.min(this.#limit, merged.length, ...open.map((part) => this.#sureOf(part, merged)));
    const gap = merged.findIndex(({ flow }) => !flow);
    const certain = merged.slice(0, gap < 0 ? sure : Math.min(sure, gap));
    const last = certain.at(-1);
    return {
      rows: certain.flatMap(toPageRow),
      place: last && { value: last.key.value, gatewayName: last.part.gateway.name, gatewayId: last.part.gateway.id, flowId: last.key.id },
      isMore: merged.length > certain.length || open.length > 0,
    };
  }

  /**
   * The time is over: whoever was asked and is silent is left out; where no row would be sure, whoever the page hangs on as well. Returns
   * their ids.
   */
  giveUp(): string[] {
    const silent = this.#parts.filter(({ state }) => state === 'asked');
    for (const { gateway } of silent) this.fail(gateway.id);
    const { merged, open } = this.#look();
    const hangsOn = this.page().rows.length > 0 ? [] : [...new Set([...open, ...withoutFlow(merged)])];
    for (const { gateway } of hangsOn) this.fail(gateway.id);
    return [...silent, ...hangsOn].map(({ gateway }) => gateway.id);
  }

  #leaveOut(part: Part, kept: Known[]): void {
    Object.assign(part, { state: 'left out', known: kept, withFlow: kept.length, isWhole: true } satisfies Partial<Part>);
  }

  #ask(part: Part, limit: number): RoundAsk {
    part.state = 'asked';
    const start = part.start === 'its-end' ? undefined : part.start;
    return { gatewayId: part.gateway.id, limit, keys: 0, after: part.readTo ?? start, isFirst: false };
  }

  /** The first rows of all, one more than a page has, and the gateways whose unknown rows may come before the last of them. */
  #look(): { merged: Known[]; open: Part[] } {
    const merged = mergeSorted(
      this.#parts.map(({ known }) => known),
      this.#compare,
      this.#limit + 1,
    );
    const last = merged.length > this.#limit ? merged.at(-1) : undefined;
    const open = this.#parts.filter((part) => !part.isWhole && part.total !== undefined && (!last || this.#mayComeBefore(part, last)));
    return { merged, open };
  }

  #mayComeBefore(part: Part, row: Known): boolean {
    const key = part.known.length > part.withFlow ? part.known.at(-1)!.key : part.readTo;
    if (key) return this.#compare({ part, key }, row) < 0;
    return this.#order.field !== 'gateway' || part.rank < row.part.rank;
  }

  /** How many of the first rows no unknown row of this gateway comes before. */
  #sureOf(part: Part, merged: readonly Known[]): number {
    let [low, high] = [0, merged.length];
    while (low < high) {
      const middle = (low + high) >> 1;
      if (this.#mayComeBefore(part, merged[middle]!)) high = middle;
      else low = middle + 1;
    }
    return low;
  }

  /** By gateway the first one is read to its end before the next begins. */
  #moreInTurn(open: readonly Part[]): Map<Part, number> {
    const more = new Map<Part, number>();
    const isOpen = new Set(open);
    let lacking = this.#limit + 1;
    for (const part of this.#parts) {
      lacking -= part.known.length;
      if (lacking <= 0) break;
      if (!isOpen.has(part)) continue;
      more.set(part, Math.min(lacking, toItsEnd(part)));
      lacking -= Math.min(lacking, Math.max(1, toItsEnd(part) - 1));
    }
    return more;
  }

  #moreOfEach(merged: readonly Known[], open: readonly Part[]): Map<Part, number> {
    const sure = open.map((part) => this.#sureOf(part, merged));
    const lacking = this.#limit + 1 - Math.min(...sure);
    const share = Math.max(1, Math.ceil((2 * lacking) / open.length));
    return new Map(open.map((part, at) => [part, Math.min(share, this.#limit + 1 - sure[at]!, toItsEnd(part))]));
  }

  readonly #compare = (a: Known, b: Known): number => {
    if (this.#order.field === 'gateway') return a.part.rank - b.part.rank || compareKeys(a.key, b.key, this.#order);
    return compareKeys({ ...a.key, id: 0 }, { ...b.key, id: 0 }, this.#order) || a.part.rank - b.part.rank || a.key.id - b.key.id;
  };
}

/** As many rows as it cannot have, if it told the truth: fewer will come, and then it is whole. */
function toItsEnd({ total = 0, known }: Part): number {
  return Math.max(0, total - known.length) + 1;
}

function withoutFlow(rows: readonly Known[]): Part[] {
  return rows.flatMap(({ part, flow }) => (flow ? [] : [part]));
}

function toPageRow({ part, flow }: Known): PageRow[] {
  return flow ? [{ gatewayId: part.gateway.id, flow }] : [];
}

/** An entry of a table; its values may change between two rounds, and its place with them. */
function identityOf({ id, zone, proto, orig }: Flow): string {
  return `${id} ${zone} ${proto} ${orig.src} ${orig.dst} ${orig.sport} ${orig.dport}`;
}
