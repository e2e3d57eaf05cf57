import { parseAddress } from '../../proto/model/address.ts';
import type { Breakdown as WireBreakdown } from '../../proto/gen/ctfleet/v1/stats.ts';
import type { Breakdown, ConntrackTable, FlowContext } from '../conntrack/table.ts';
import type { Collector, Measures } from './collector.ts';

/**
 * A walk goes through the hash of the whole machine, so a small table beside a large one is slow too: how often to walk follows from how
 * long the last walk took, not from the number of flows. Resting this many times as long keeps walks below 5 % of one CPU.
 */
const REST_PER_WALK = 20;

export interface TableWalkOptions {
  table: ConntrackTable;
  context: () => FlowContext;
  /** Milliseconds since 1970. */
  now: () => number;
  /** Called when a walk failed; samples then have no breakdown. */
  onError: (error: unknown) => void;
}

/** What the table consists of: each breakdown goes into the first sample after its walk. A walk never delays a sample. */
export class TableWalk implements Collector {
  readonly name = 'walk';
  readonly #options: TableWalkOptions;
  #ready: Breakdown | undefined;
  #isWalking = false;
  #restUntilMs = -Infinity;

  constructor(options: TableWalkOptions) {
    this.#options = options;
  }

  async collect(): Promise<Measures> {
    const breakdown = this.#ready;
    this.#ready = undefined;
    if (!this.#isWalking && this.#options.now() >= this.#restUntilMs) void this.#walk();
    return { breakdown: breakdown && toWireBreakdown(breakdown) };
  }

  async #walk(): Promise<void> {
    const { table, context, now, onError } = this.#options;
    this.#isWalking = true;
    const beganAtMs = now();
    try {
      this.#ready = await table.breakdown(context());
    } catch (error) {
      onError(error);
    } finally {
      const endedAtMs = now();
      this.#restUntilMs = endedAtMs + REST_PER_WALK * (endedAtMs - beganAtMs);
      this.#isWalking = false;
    }
  }
}

function toWireBreakdown({ atMs, walked, byProto, byState, byWan, topSources, staleByWan, translations }: Breakdown): WireBreakdown {
  return {
    atMs: BigInt(atMs),
    walked: BigInt(walked),
    byProto: toBigInts(byProto),
    byState: toBigInts(byState),
    byWan: toBigInts(byWan),
    staleByWan: toBigInts(staleByWan),
    topSources: topSources.flatMap(({ address, flows }) => {
      const bytes = parseAddress(address);
      return bytes ? [{ address: Buffer.from(bytes), flows: BigInt(flows) }] : [];
    }),
    translations: translations.flatMap(({ address, proto, flows }) => {
      const bytes = parseAddress(address);
      return bytes ? [{ address: Buffer.from(bytes), proto, flows: BigInt(flows) }] : [];
    }),
  };
}

function toBigInts(counts: Record<string, number>): Record<string, bigint> {
  return Object.fromEntries(Object.entries(counts).map(([key, flows]) => [key, BigInt(flows)]));
}
