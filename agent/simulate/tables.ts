import { formatAddress } from '../../proto/model/address.ts';
import { ColumnarTable } from '../conntrack/memory/columnar-table.ts';
import { MemoryTable } from '../conntrack/memory/memory-table.ts';
import { standingSyntheticFlows, SyntheticFlows, type SyntheticOptions } from '../conntrack/memory/synthetic-flows.ts';
import type { StandingFlows } from '../conntrack/memory/standing-flows.ts';
import type { ConntrackTable } from '../conntrack/table.ts';
import type { Wan } from '../wans/wans.ts';
import { sharedTable, type SimulatedGateway } from './fleet.ts';

/** What a simulated gateway tracks, and over which WANs. */
export interface SimulatedTable {
  table: ConntrackTable;
  wans: Wan[];
}

/** Tables of the gateways of one process. Those that share flows have the same addresses, LAN and WANs too. */
export class SimulatedTables {
  readonly #now: () => number;
  readonly #shared = new Map<string, { flows: StandingFlows; wans: Wan[] }>();

  constructor(now: () => number) {
    this.#now = now;
  }

  of({ seed, flows }: SimulatedGateway): SimulatedTable {
    if (flows !== undefined) return this.#sharing(sharedTable({ seed, flows }), flows);
    const wans = wansOf(seed);
    const traffic = new SyntheticFlows(trafficOf(seed, 1500 + ((seed * 37) % 1500), wans));
    return { table: new MemoryTable({ now: this.#now, traffic }), wans };
  }

  #sharing(number: number, count: number): SimulatedTable {
    const key = `${number} ${count}`;
    let shared = this.#shared.get(key);
    if (!shared) {
      const wans = wansOf(number);
      shared = { wans, flows: standingSyntheticFlows(trafficOf(number, count, wans), this.#now()) };
      this.#shared.set(key, shared);
    }
    return { table: new ColumnarTable({ now: this.#now, flows: shared.flows }), wans: shared.wans };
  }
}

/** Two WANs of addresses that are nobody's (RFC 2544). */
function wansOf(seed: number): Wan[] {
  return [1, 2].map((n) => ({
    name: `wan${n}`,
    interface: `wan${n}`,
    addresses: [Uint8Array.from([198, 17 + n, 128 + ((seed >> 8) & 0x7f), seed & 0xff])],
    isUp: true,
    carriesDefaultRoute: n === 1,
  }));
}

/** Flows of a LAN of its own. */
function trafficOf(seed: number, count: number, wans: Wan[]): SyntheticOptions {
  return { seed, count, wanAddresses: wans.flatMap(({ addresses }) => addresses.map(formatAddress)), lan: `10.${(seed % 250) + 1}` };
}
