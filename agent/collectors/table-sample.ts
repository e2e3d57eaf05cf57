import type { Breakdown as WireBreakdown, Rates, Sample, Wan as WireWan } from '../../proto/gen/ctfleet/v1/stats.ts';
import { parseAddress } from '../../proto/model/address.ts';
import type { Breakdown, ConntrackTable, CpuCounters, FlowContext } from '../conntrack/table.ts';
import type { Wan } from '../wans/wans.ts';

/**
 * A walk goes through the hash of the whole machine, so that a small table beside a large one is slow too: what the last walk took says
 * how often to walk, not the number of flows. Resting this many times as long keeps walks below 5 % of one CPU.
 */
const REST_PER_WALK = 20;

export interface SamplerOptions {
  table: ConntrackTable;
  context: () => FlowContext;
  wans: () => Wan[];
  /** Flows a second since the call before, by events; absent where there are none. */
  rates?: (count: number) => Rates | undefined;
  /** Milliseconds since 1970. */
  now: () => number;
  /** Called when a walk failed; the sample then goes without a breakdown. */
  onError: (error: unknown) => void;
}

/** Samples of a table: counters each time, and the newest breakdown once it is there. A walk never holds a sample up. */
export class TableSampler {
  readonly #options: SamplerOptions;
  #ready: Breakdown | undefined;
  #isWalking = false;
  #restUntilMs = -Infinity;

  constructor(options: SamplerOptions) {
    this.#options = options;
  }

  /** One sample. Throws CAPABILITY_MISSING where there is no table. */
  async sample(): Promise<Sample> {
    const { table, wans, rates, now } = this.#options;
    const { count, max, buckets, cpus } = await table.counters();
    const breakdown = this.#ready;
    this.#ready = undefined;
    if (!this.#isWalking && now() >= this.#restUntilMs) void this.#walk();
    return {
      atMs: BigInt(now()),
      count: BigInt(count),
      max: max === undefined ? undefined : BigInt(max),
      buckets: buckets === undefined ? undefined : BigInt(buckets),
      cpus: cpus.map(toWireCpu),
      breakdown: breakdown && toWireBreakdown(breakdown),
      wans: wans().map(toWireWan),
      rates: rates?.(count),
    };
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

function toWireCpu({ cpu, ...counters }: CpuCounters): Sample['cpus'][number] {
  return { cpu, ...Object.fromEntries(Object.entries(counters).map(([name, value]) => [name, BigInt(value)])) };
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

/** A WAN as the link carries it. */
export function toWireWan({ name, interface: device, addresses, isUp, carriesDefaultRoute, isAnswering }: Wan): WireWan {
  return {
    name,
    interface: device,
    addresses: addresses.map((address) => Buffer.from(address)),
    isUp,
    carriesDefaultRoute,
    isAnswering,
    natKinds: [],
  };
}

function toBigInts(counts: Record<string, number>): Record<string, bigint> {
  return Object.fromEntries(Object.entries(counts).map(([key, flows]) => [key, BigInt(flows)]));
}
