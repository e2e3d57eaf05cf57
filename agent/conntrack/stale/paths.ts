import type { RouteQuery } from '../../netlink/route-messages.ts';
import type { Columns } from '../rows/columns.ts';
import type { Routes } from './routes.ts';
import type { Way } from './stale.ts';

/** Added to the snapshot's numbers of IPv6 addresses, to distinguish them from IPv4 addresses. */
export const V6 = 0x1_0000_0000;
const MAX_SENDERS = 0x1_0000;

/**
 * The sender of routed packets: a client behind an interface, or an address of the gateway itself. Senders that routes treat alike are one.
 */
export interface Sender {
  index: number;
  source: Uint8Array | undefined;
  from: number | undefined;
}

export interface Transport {
  proto: number;
  sport: number;
  dport: number;
}

/**
 * The ways of packets, with one lookup per kind of packet. Addresses are numbers: IPv4 as they are, IPv6 as V6 and the snapshot's number.
 */
export class Paths {
  readonly #columns: Columns;
  readonly #routes: Routes;
  readonly #wans: ReadonlyMap<string, Way & { kind: 'wan' }>;
  readonly #here = new Map<number, boolean>();
  readonly #pieces6 = new Map<number, number>();
  readonly #senders = new Map<string, Sender>();
  readonly #exits = new Map<number, Map<number, readonly Way[]>>();
  readonly #links = new Map<number, readonly number[]>();
  readonly #transports = new Map<string, number>();

  /** @param wans WANs by interface */
  constructor(columns: Columns, routes: Routes, wans: ReadonlyMap<string, Way & { kind: 'wan' }>) {
    this.#columns = columns;
    this.#routes = routes;
    this.#wans = wans;
  }

  /** True if the address is on an interface now. */
  isHere(address: number): boolean {
    if (address < V6) return this.#routes.hasAddress4(address);
    let here = this.#here.get(address);
    if (here === undefined) this.#here.set(address, (here = this.#routes.hasAddress6(this.bytesOf(address))));
    return here;
  }

  /** The sender for an address of the gateway; undefined if not known. */
  gateway(address: number): Sender | undefined {
    if (this.#routes.isOfVrf(this.bytesOf(address))) return undefined;
    return this.#sender(`own ${address}`, undefined, this.isHere(address) ? this.bytesOf(address) : undefined);
  }

  /** The sender behind an interface. */
  client(address: number, from: number): Sender | undefined {
    const bytes = this.bytesOf(address);
    const { sources } = this.#routes;
    return this.#sender(`${from} ${address < V6 ? 4 : 6} ${address < V6 ? sources.of4(address) : sources.of6(bytes)}`, from, bytes);
  }

  /**
   * The interfaces by which an address is reached, none if no route leads there or it is not known; looked up once for addresses that the
   * routes treat alike.
   */
  linksTo(address: number): readonly number[] {
    const piece = this.#pieceOf(address);
    let links = this.#links.get(piece);
    if (!links)
      this.#links.set(
        piece,
        (links = this.#isAmbiguous(address) ? [] : (this.#routes.waysOut({ destination: this.bytesOf(address), mark: 0 }) ?? [])),
      );
    return links;
  }

  /** Where a packet to an address goes; `own` is the WAN of its flow. */
  way(sender: Sender | undefined, to: number, mark: number, transport: Transport | undefined, own: number | undefined): Way {
    const ways = sender ? this.#exit(sender, to, mark, transport) : UNKNOWN_WAYS;
    if (ways.length === 1) return ways[0]!;
    // The kernel chooses by a hash. That matters only if it might choose the flow's own WAN, or something that is not a WAN.
    return own !== undefined && ways.every((way) => way.kind === 'wan' && way.wan !== own)
      ? (ways.find((way) => way.kind === 'wan' && way.isWorking) ?? ways[0]!)
      : SEVERAL;
  }

  bytesOf(address: number): Uint8Array {
    return address < V6
      ? Uint8Array.of(address >>> 24, address >>> 16, address >>> 8, address)
      : this.#columns.addresses6.bytesOf(address - V6);
  }

  /** True if the address alone does not tell which link leads to it: it is in a VRF, or link-local (fe80::/10). */
  #isAmbiguous(address: number): boolean {
    const bytes = this.bytesOf(address);
    return (bytes.length === 16 && bytes[0] === 0xfe && (bytes[1]! & 0xc0) === 0x80) || this.#routes.isOfVrf(bytes);
  }

  #sender(kind: string, from: number | undefined, source: Uint8Array | undefined): Sender | undefined {
    let sender = this.#senders.get(kind);
    if (!sender && this.#senders.size < MAX_SENDERS - 1)
      this.#senders.set(kind, (sender = { index: this.#senders.size + 1, source, from }));
    return sender;
  }

  #exit(sender: Sender, to: number, mark: number, transport: Transport | undefined): readonly Way[] {
    const place = this.#pieceOf(to) * MAX_SENDERS + sender.index;
    const kind = mark + V6 * this.#transportOf(transport);
    let exits = this.#exits.get(place);
    if (!exits) this.#exits.set(place, (exits = new Map()));
    let ways = exits.get(kind);
    if (!ways)
      exits.set(kind, (ways = this.#look({ destination: this.bytesOf(to), source: sender.source, from: sender.from, mark, transport })));
    return ways;
  }

  /** At least one way. */
  #look(query: RouteQuery): readonly Way[] {
    const links = this.#routes.waysOut(query);
    if (!links) return UNKNOWN_WAYS;
    return links.length === 0
      ? [NOWHERE]
      : links.map((link) => {
          const out = this.#routes.nameOf(link) ?? '';
          return this.#wans.get(out) ?? { kind: 'elsewhere', out };
        });
  }

  #pieceOf(address: number): number {
    const { destinations } = this.#routes;
    if (!destinations) return address;
    if (address < V6) return destinations.of4(address);
    let piece = this.#pieces6.get(address);
    if (piece === undefined) this.#pieces6.set(address, (piece = V6 + destinations.of6(this.bytesOf(address))));
    return piece;
  }

  #transportOf(transport: Transport | undefined): number {
    if (!transport) return 0;
    const { portPieces } = this.#routes;
    const key = `${transport.proto} ${portPieces[transport.sport]} ${portPieces[transport.dport]}`;
    let index = this.#transports.get(key);
    if (index === undefined) this.#transports.set(key, (index = this.#transports.size + 1));
    return index;
  }
}

const NOWHERE: Way = { kind: 'nowhere' };
export const SEVERAL: Way = { kind: 'several' };
const UNKNOWN_WAYS: readonly Way[] = [SEVERAL];
