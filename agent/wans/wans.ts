import { formatAddress } from '../../proto/model/address.ts';
import type { VirtualAddress } from '../conntrack/table.ts';

/** A way out of the gateway. Addresses are current and former ones, newest first: flows outlive the address they use. */
export interface Wan {
  name: string;
  interface: string;
  addresses: Uint8Array[];
  isUp?: boolean;
  carriesDefaultRoute?: boolean;
  /** When it was last seen to stop carrying the default route, in milliseconds since 1970. */
  routeLostAtMs?: number;
  /**
   * The newest next hop of a default route through it: IPv4's, even after its route left, as long as there is an IPv4 address. The probed
   * address must not change during a failure.
   */
  nextHop?: string;
  /** The address probed through it answers; absent if none is probed, or it never answered. */
  isAnswering?: boolean;
}

/** What is kept of a WAN across a restart. */
export type RememberedWan = Pick<Wan, 'interface' | 'addresses'>;

/** A default route of the main table. */
export interface DefaultRoute {
  interface: string;
  metric: number;
  nextHop?: string;
}

/** The state of the gateway's interfaces at one time. */
export interface Observation {
  /** Milliseconds since 1970. */
  atMs: number;
  defaultRoutes: { ipv4: DefaultRoute[]; ipv6: DefaultRoute[] };
  /** By interface. Those that are down may be missing, which is why addresses are remembered. */
  addresses: ReadonlyMap<string, Uint8Array[]>;
  /** Addresses that belong, or may belong, to a pair of nodes instead of this one; absent if the kernel could not be asked. */
  virtualAddresses?: VirtualAddress[];
  /** /sys/class/net/NAME/operstate; undefined if there is no such interface. */
  operstate(name: string): string | undefined;
}

const RTF_UP = 0x1;
const RTF_REJECT = 0x200;

/** A bound, because an address may change with each dial-in. */
const MAX_ADDRESSES = 16;

/** Default routes in /proc/net/route: addresses are hexadecimal and in the host's order, flags too, the metric is decimal. */
export function parseIpv4Defaults(text: string): DefaultRoute[] {
  return text
    .split('\n')
    .slice(1)
    .flatMap((line) => {
      const [name, destination, gateway, flags, , , metric, mask] = line.trim().split(/\s+/);
      const bits = Number.parseInt(flags ?? '', 16);
      return name !== undefined && destination === '00000000' && mask === '00000000' && isUsable(bits)
        ? [
            {
              interface: name,
              metric: Number(metric),
              nextHop: addressOf(new Uint8Array(Uint32Array.of(Number.parseInt(gateway!, 16)).buffer)),
            },
          ]
        : [];
    });
}

/** Default routes in /proc/net/ipv6_route: everything is hexadecimal. The kernel's own catch-all is on `lo` and rejects. */
export function parseIpv6Defaults(text: string): DefaultRoute[] {
  return text.split('\n').flatMap((line) => {
    const [destination, width, , , gateway, metric, , , flags, name] = line.trim().split(/\s+/);
    const isDefault = /^0{32}$/.test(destination ?? '') && width === '00';
    return name !== undefined && name !== 'lo' && isDefault && isUsable(Number.parseInt(flags ?? '', 16))
      ? [{ interface: name, metric: Number.parseInt(metric ?? '', 16), nextHop: addressOf(Buffer.from(gateway!, 'hex')) }]
      : [];
  });
}

/**
 * The gateway's WANs: interfaces that had a default route at any time since the agent started, and those with a configured name. A failed
 * WAN and its addresses stay known; that is when they matter.
 */
export class WanMemory {
  readonly #wans = new Map<string, Wan>();
  readonly #names: ReadonlyMap<string, string>;

  /**
   * @param names by interface, from the agent's settings; others are called by their interface
   * @param remembered from before a restart, which may well be in the middle of an outage
   */
  constructor(names: ReadonlyMap<string, string> = new Map(), remembered: RememberedWan[] = []) {
    this.#names = names;
    for (const device of names.keys()) this.#add(device);
    for (const { interface: device, addresses } of remembered) this.#add(device).addresses = addresses;
  }

  observe({ atMs, defaultRoutes: { ipv4, ipv6 }, addresses, operstate }: Observation): Wan[] {
    for (const { interface: device, nextHop } of ipv6) {
      const wan = this.#add(device);
      if (!isIpv4(wan.nextHop) || !addresses.get(device)?.some(({ length }) => length === 4)) wan.nextHop = nextHop ?? wan.nextHop;
    }
    for (const { interface: device, nextHop } of ipv4) {
      const wan = this.#add(device);
      wan.nextHop = nextHop ?? wan.nextHop;
    }
    // IPv4's if there is one: in many failovers it moves alone, and an IPv6 route that stays must not hide that.
    const carriers = new Set(best(ipv4.length > 0 ? ipv4 : ipv6));
    const inUse = new Set([...addresses.values()].flat().map(formatAddress));
    for (const wan of this.#wans.values()) {
      const state = operstate(wan.interface);
      // PPP and tunnels never leave `unknown` while they work.
      wan.isUp = state === 'up' || state === 'unknown';
      if (wan.carriesDefaultRoute && !carriers.has(wan.interface)) wan.routeLostAtMs = atMs;
      wan.carriesDefaultRoute = carriers.has(wan.interface);
      // An address that is on another interface now belongs to that one, whoever had it before.
      wan.addresses = merge(
        addresses.get(wan.interface) ?? [],
        wan.addresses.filter((address) => !inUse.has(formatAddress(address))),
      );
    }
    return this.wans();
  }

  wans(): Wan[] {
    return [...this.#wans.values()].map((wan) => ({ ...wan }));
  }

  #add(device: string): Wan {
    const known = this.#wans.get(device) ?? { name: this.#names.get(device) ?? device, interface: device, addresses: [] };
    this.#wans.set(device, known);
    return known;
  }
}

function isIpv4(nextHop: string | undefined): boolean {
  return nextHop !== undefined && !nextHop.includes(':');
}

/** Interfaces of the winning routes: those with the lowest metric. */
function best(routes: DefaultRoute[]): string[] {
  const lowest = Math.min(...routes.map(({ metric }) => metric));
  return routes.filter(({ metric }) => metric === lowest).map((route) => route.interface);
}

function merge(now: Uint8Array[], before: Uint8Array[]): Uint8Array[] {
  const texts = new Set<string>();
  return [...now, ...before]
    .filter((address) => {
      const text = formatAddress(address);
      if (texts.has(text)) return false;
      texts.add(text);
      return true;
    })
    .slice(0, MAX_ADDRESSES);
}

/** Undefined for a route without a next hop, as on a point-to-point link. */
function addressOf(bytes: Uint8Array): string | undefined {
  return bytes.some((byte) => byte !== 0) ? formatAddress(bytes) : undefined;
}

function isUsable(flags: number): boolean {
  return (flags & RTF_UP) !== 0 && (flags & RTF_REJECT) === 0;
}
