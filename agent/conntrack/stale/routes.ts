import { formatAddress, prefixContains } from '../../../proto/model/address.ts';
import { networkU32 } from '../../netlink/attributes.ts';
import {
  decodeAddress,
  decodeLink,
  decodeRoute,
  decodeRule,
  RTM,
  type LinkAddress,
  type RoutePrefix,
  type RouteQuery,
  type Rule,
} from '../../netlink/route-messages.ts';
import { RouteSocket } from '../../netlink/route-socket.ts';
import { NetlinkError } from '../../netlink/socket.ts';
import { IntTable } from '../rows/int-table.ts';
import { Partition, portPieces } from './partition.ts';

/** A gateway with a full BGP table has a million routes, and reading them takes seconds: then each peer is looked up by itself. */
const MAX_ROUTES = 20_000;
/** Lookups per query; a lookup takes about 10 µs. */
const MAX_LOOKUPS = 20_000;

/** A gateway's routes during one query. */
export interface Routes {
  /** The partition of destinations and sources; undefined: every destination by itself. */
  readonly destinations: Partition | undefined;
  readonly sources: Partition;
  /** The prefixes it was made from; undefined as above. */
  readonly prefixes: readonly RoutePrefix[] | undefined;
  /** Bits of a packet's mark that rules match on. */
  readonly markBits: number;
  /** A rule matches on protocol or port. */
  readonly useTransport: boolean;
  /** Port ranges that rules match on. */
  readonly ports: readonly [from: number, to: number][];
  /** The same number for ports that no rule distinguishes. */
  readonly portPieces: Uint16Array;
  hasAddress4(address: number): boolean;
  hasAddress6(address: Uint8Array): boolean;
  /**
   * True if a VRF has its own route for the address: by which interface its host comes in is then not known, since the main table may have
   * another host with that address.
   */
  isOfVrf(address: Uint8Array): boolean;
  /** All addresses that are on an interface now. */
  readonly addresses: readonly Uint8Array[];
  /** Those of one interface. */
  addressesOf(device: string): readonly Uint8Array[];
  nameOf(link: number): string | undefined;
  linkOf(device: string): number | undefined;
  /** Interfaces by which the packet may leave, none without a route; undefined if the kernel cannot say, or after too many lookups. */
  waysOut(query: RouteQuery): number[] | undefined;
}

/** The current routes; undefined if the kernel does not list them. */
export function openRoutes(): KernelRoutes | undefined {
  try {
    return new KernelRoutes();
  } catch (error) {
    if (error instanceof NetlinkError) return undefined;
    throw error;
  }
}

/** Routes by the kernel's own lookup, ip rules included. To be closed after the query. */
export class KernelRoutes implements Routes {
  readonly #socket = new RouteSocket();
  readonly #names = new Map<number, string>();
  readonly #v4 = new IntTable();
  readonly #v6 = new Set<string>();
  readonly #addresses: LinkAddress[] = [];
  readonly markBits: number;
  readonly useTransport: boolean;
  readonly ports: readonly [from: number, to: number][];
  readonly destinations: Partition | undefined;
  readonly sources: Partition;
  readonly prefixes: readonly RoutePrefix[] | undefined;
  readonly portPieces: Uint16Array;
  readonly #ofVrfs: RoutePrefix[] = [];
  #lookups = 0;

  /** Throws NetlinkError. */
  constructor() {
    const vrfs = new Set<number>();
    try {
      for (const body of this.#socket.dump(RTM.GETLINK)) {
        const { index, name, vrfTable } = decodeLink(body);
        this.#names.set(index, name);
        if (vrfTable !== undefined) vrfs.add(vrfTable);
      }
      for (const body of this.#socket.dump(RTM.GETADDR)) {
        const address = decodeAddress(body);
        if (!address) continue;
        this.#addresses.push(address);
        if (address.bytes.length === 4) this.#v4.set(networkU32(address.bytes, 0), 1);
        else this.#v6.add(formatAddress(address.bytes));
      }
      const rules = Array.from(this.#socket.dump(RTM.GETRULE), decodeRule);
      this.markBits = rules.reduce((bits, rule) => bits | rule.markBits, 0) >>> 0;
      this.useTransport = rules.some(({ hasTransport }) => hasTransport);
      const [destinations, sources]: [RoutePrefix[], RoutePrefix[]] = [[], []];
      const isWhole = readRoutes(({ table, destination, source }) => {
        if (destination) destinations.push(destination);
        if (destination && table !== undefined && vrfs.has(table)) this.#ofVrfs.push(destination);
        if (source) sources.push(source);
      }, rules);
      if (!isWhole && vrfs.size > 0) this.#ofVrfs.push(...EVERYWHERE);
      this.destinations = isWhole ? new Partition(destinations) : undefined;
      this.sources = new Partition(sources);
      this.prefixes = isWhole ? [...destinations, ...sources] : undefined;
      this.ports = rules.flatMap(({ ports }) => ports);
      this.portPieces = portPieces(this.ports);
    } catch (error) {
      this.close();
      throw error;
    }
  }

  hasAddress4(address: number): boolean {
    return this.#v4.get(address) >= 0;
  }

  hasAddress6(address: Uint8Array): boolean {
    return this.#v6.has(formatAddress(address));
  }

  isOfVrf(address: Uint8Array): boolean {
    return this.#ofVrfs.some((prefix) =>
      prefixContains({ family: address.length === 4 ? 4 : 6, address: prefix.bytes, bits: prefix.bits }, address),
    );
  }

  get addresses(): readonly Uint8Array[] {
    return this.#addresses.map(({ bytes }) => bytes);
  }

  addressesOf(device: string): readonly Uint8Array[] {
    const link = this.linkOf(device);
    return this.#addresses.filter((address) => address.link === link).map(({ bytes }) => bytes);
  }

  nameOf(link: number): string | undefined {
    return this.#names.get(link);
  }

  linkOf(device: string): number | undefined {
    for (const [link, name] of this.#names) if (name === device) return link;
    return undefined;
  }

  waysOut(query: RouteQuery): number[] | undefined {
    if (++this.#lookups > MAX_LOOKUPS) return undefined;
    try {
      return this.#socket.waysOut(query);
    } catch (error) {
      if (error instanceof NetlinkError) return undefined;
      throw error;
    }
  }

  close(): void {
    this.#socket.close();
  }
}

const EVERYWHERE: RoutePrefix[] = [
  { bytes: new Uint8Array(4), bits: 0 },
  { bytes: new Uint8Array(16), bits: 0 },
];

type Note = (prefixes: { table?: number; destination?: RoutePrefix; source?: RoutePrefix }) => void;

/** Records rules and routes; false if there are too many routes to read. An abandoned dump ends with its socket. */
function readRoutes(note: Note, rules: readonly Rule[]): boolean {
  rules.forEach(note);
  const socket = new RouteSocket();
  try {
    let left = MAX_ROUTES;
    for (const body of socket.dump(RTM.GETROUTE)) {
      if (left-- === 0) return false;
      note(decodeRoute(body));
    }
    return true;
  } finally {
    socket.close();
  }
}
