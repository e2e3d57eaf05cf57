import type { FlowKey, Tuple } from '../../../proto/model/flow.ts';
import { PROTOCOLS } from '../../../proto/model/protocol.ts';
import { IPS } from '../../../proto/model/status.ts';
import { standingFlows } from './columnar-table.ts';
import type { EntryFacts } from './entry-rows.ts';
import type { MemoryTable, Traffic } from './memory-table.ts';
import type { StandingFlows } from './standing-flows.ts';
import { invert, type NewEntry } from '../wire/requests.ts';
import { placeOf } from './place.ts';

/** Turnover: the share of flows replaced each second. */
const TURNOVER_PER_SECOND = 0.004;
/** The oldest flow of a table that stands. */
const MAX_AGE_SECONDS = 86_400;
/** After a pause, at most this many seconds are caught up. */
const MAX_STEPS = 30;

const { tcp, udp, icmp } = PROTOCOLS;
const REPLIED = IPS.SEEN_REPLY;
const ASSURED = IPS.SEEN_REPLY | IPS.ASSURED;

/** Kinds of flow in a branch office, by share; `isKept`: carries packets until it ends. */
const KINDS: {
  share: number;
  proto: number;
  dports: number[];
  state?: string;
  status: number;
  timeoutSeconds: number;
  isKept?: boolean;
}[] = [
  {
    share: 30,
    proto: tcp,
    dports: [443, 443, 443, 80, 8443, 993],
    state: 'ESTABLISHED',
    status: ASSURED,
    timeoutSeconds: 432_000,
    isKept: true,
  },
  { share: 22, proto: tcp, dports: [443, 80], state: 'TIME_WAIT', status: ASSURED, timeoutSeconds: 120 },
  { share: 8, proto: tcp, dports: [22, 3389, 445], state: 'ESTABLISHED', status: ASSURED, timeoutSeconds: 432_000 },
  { share: 4, proto: tcp, dports: [443, 23, 8080], state: 'SYN_SENT', status: 0, timeoutSeconds: 120 },
  { share: 3, proto: tcp, dports: [443], state: 'CLOSE_WAIT', status: ASSURED, timeoutSeconds: 60 },
  { share: 12, proto: udp, dports: [53], status: REPLIED, timeoutSeconds: 30 },
  { share: 8, proto: udp, dports: [443, 4500, 51_820], status: ASSURED, timeoutSeconds: 120, isKept: true },
  { share: 4, proto: udp, dports: [5060], status: ASSURED, timeoutSeconds: 120, isKept: true },
  { share: 3, proto: udp, dports: [10_012, 12_044, 15_388], status: ASSURED, timeoutSeconds: 120, isKept: true },
  { share: 3, proto: udp, dports: [123, 161], status: 0, timeoutSeconds: 30 },
  { share: 3, proto: icmp, dports: [], status: REPLIED, timeoutSeconds: 30 },
];
const SHARES = KINDS.reduce((sum, { share }) => sum + share, 0);

export interface SyntheticOptions {
  /** The same seed yields the same flows. */
  seed: number;
  /** Approximate number of flows in the table. */
  count: number;
  /** External addresses (IPv4 text) that outbound flows are translated to; the first carries most. */
  wanAddresses: string[];
  /** First two bytes of the clients' addresses, such as `10.7`. */
  lan: string;
}

/** Synthetic traffic of a gateway: a fixed mix of flows with a few busy clients and a slow turnover. */
export class SyntheticFlows implements Traffic {
  readonly #options: SyntheticOptions;
  readonly #random: () => number;
  readonly #kept: FlowKey[] = [];
  #steppedAtMs: number | undefined;

  constructor(options: SyntheticOptions) {
    this.#options = options;
    this.#random = seededRandom(options.seed);
  }

  advance(table: MemoryTable, nowMs: number): void {
    const { count } = this.#options;
    if (this.#steppedAtMs === undefined) {
      this.#steppedAtMs = nowMs;
      this.#fill(table, count);
      return;
    }
    const steps = Math.floor((nowMs - this.#steppedAtMs) / 1000);
    if (steps <= 0) return;
    this.#steppedAtMs += steps * 1000;
    this.#carry(table);
    const turnover = Math.ceil(count * TURNOVER_PER_SECOND * Math.min(steps, MAX_STEPS));
    this.#fill(table, Math.min(turnover, Math.max(0, count - table.size)));
  }

  #fill(table: MemoryTable, flows: number): void {
    for (let i = 0; i < flows; i++) {
      const { entry, isKept } = syntheticFlow(this.#options, this.#random);
      const key = table.insert(entry);
      if (!key) continue;
      // The packet that created it, and an answer if it has one.
      const packets = entry.status & IPS.SEEN_REPLY ? 1n : 0n;
      table.carry(key, { packets: 1n, bytes: 60n }, { packets, bytes: packets * 60n });
      if (isKept) this.#kept.push(key);
    }
  }

  /** Most kept flows carry something; now and then one falls silent for good. */
  #carry(table: MemoryTable): void {
    const living = this.#kept.filter((key) => {
      if (this.#random() < 0.002) return false;
      const packets = BigInt(1 + Math.floor(this.#random() * 40));
      return table.carry(key, { packets, bytes: packets * 120n }, { packets: packets * 2n, bytes: packets * 1900n });
    });
    this.#kept.splice(0, this.#kept.length, ...living);
  }
}

/** The same traffic as flows that stand: of all ages, and those that are kept have carried more the older they are. */
export function standingSyntheticFlows(options: SyntheticOptions, nowMs: number): StandingFlows {
  return standingFlows(standing(options, nowMs));
}

/** As many as asked for, no two with the same tuple. */
function* standing(options: SyntheticOptions, nowMs: number): Generator<{ entry: NewEntry } & Omit<EntryFacts, 'id'>, void, void> {
  const random = seededRandom(options.seed);
  const places = new Set<string>();
  while (places.size < options.count) {
    const { entry, isKept } = syntheticFlow(options, random);
    const place = placeOf(entry);
    if (places.has(place)) continue;
    places.add(place);
    const ageSeconds = random() * (isKept ? MAX_AGE_SECONDS : entry.timeoutSeconds!);
    const packets = BigInt(1 + Math.floor(isKept ? ageSeconds : random() * 8));
    const answers = entry.status & IPS.SEEN_REPLY ? packets : 0n;
    yield {
      entry,
      startedAtMs: nowMs - Math.floor(ageSeconds * 1000),
      origCounters: { packets, bytes: packets * 120n },
      replyCounters: { packets: answers, bytes: answers * 900n },
    };
  }
}

function syntheticFlow({ lan, wanAddresses }: SyntheticOptions, random: () => number): { entry: NewEntry; isKept: boolean } {
  const kind = kindOf(random() * SHARES);
  // Squaring favours low numbers: a few clients and servers have most of the flows.
  const client = Math.floor(random() ** 2 * 400);
  const server = Math.floor(random() ** 2 * 900);
  const sport = 1024 + Math.floor(random() * 64_000);
  const orig: Tuple = { src: `${lan}.${client >> 7}.${1 + (client & 127)}`, dst: `198.51.${100 + (server >> 8)}.${server & 255}` };
  if (kind.proto === icmp) orig.icmp = { type: 8, code: 0, id: sport };
  else Object.assign(orig, { sport, dport: kind.dports[Math.floor(random() * kind.dports.length)] });
  const wan = wanAddresses[Math.floor(random() ** 2 * wanAddresses.length)];
  const reply = { ...invert(kind.proto, orig), ...(wan !== undefined && { dst: wan }) };
  const { proto, state, timeoutSeconds } = kind;
  return {
    entry: {
      family: 4,
      proto,
      orig,
      reply,
      zone: 0,
      mark: 0,
      state,
      status: kind.status | (wan === undefined ? 0 : IPS.SRC_NAT),
      timeoutSeconds,
    },
    isKept: kind.isKept ?? false,
  };
}

function kindOf(share: number): (typeof KINDS)[number] {
  let at = share;
  return KINDS.find((kind) => (at -= kind.share) < 0) ?? KINDS[0]!;
}

/** Numbers from 0 to 1, the same for the same seed: a linear congruential generator, of which only the high bits are any good. */
export function seededRandom(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state / 0x1_0000_0000;
  };
}
