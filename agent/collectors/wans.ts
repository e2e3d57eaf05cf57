import { formatAddress } from '../../proto/model/address.ts';

/** A way out of the gateway. Addresses are those it has and had, newest first: flows outlive the address they use. */
export interface Wan { name: string; interface: string; addresses: Uint8Array[]; isUp?: boolean; carriesDefaultRoute?: boolean }

/** What is worth keeping of a WAN over a restart. */
export type RememberedWan = Pick<Wan, 'interface' | 'addresses'>;

/** A default route of the main table. */
export interface DefaultRoute { interface: string; metric: number }

/** What is to be seen of the gateway's interfaces at one time. */
export interface Observation {
  defaultRoutes: { ipv4: DefaultRoute[]; ipv6: DefaultRoute[] };
  /** By interface. Those that are down may be missing, which is why addresses are remembered. */
  addresses: ReadonlyMap<string, Uint8Array[]>;
  /** /sys/class/net/NAME/operstate; undefined where there is no such interface. */
  operstate(name: string): string | undefined;
}

const RTF_UP = 0x1;
const RTF_REJECT = 0x200;

/** An address that changes at each dial-in would otherwise be remembered for ever. */
const MOST_ADDRESSES = 16;

/** Default routes in /proc/net/route: addresses are hexadecimal, flags too, the metric is decimal. */
export function parseIpv4Defaults(text: string): DefaultRoute[] {
  return text.split('\n').slice(1).flatMap((line) => {
    const [name, destination, , flags, , , metric, mask] = line.trim().split(/\s+/);
    const bits = Number.parseInt(flags ?? '', 16);
    return name !== undefined && destination === '00000000' && mask === '00000000' && isUsable(bits) ? [{ interface: name, metric: Number(metric) }] : [];
  });
}

/** Default routes in /proc/net/ipv6_route: everything is hexadecimal. The kernel's own catch-all is on `lo` and rejects. */
export function parseIpv6Defaults(text: string): DefaultRoute[] {
  return text.split('\n').flatMap((line) => {
    const [destination, width, , , , metric, , , flags, name] = line.trim().split(/\s+/);
    const isDefault = /^0{32}$/.test(destination ?? '') && width === '00';
    return name !== undefined && name !== 'lo' && isDefault && isUsable(Number.parseInt(flags ?? '', 16)) ? [{ interface: name, metric: Number.parseInt(metric ?? '', 16) }] : [];
  });
}

/**
 * The gateway's WANs: interfaces that had a default route at any time since the agent began, and those that were given a name.
 * A WAN that failed, and its addresses, stay known; that is when they matter.
 */
export class WanMemory {
  readonly #wans = new Map<string, Wan>();
  readonly #names: ReadonlyMap<string, string>;

  /**
   * @param names by interface, from the agent's settings; others are called by their interface
   * @param remembered as they were before the agent began anew, which may well be in the middle of an outage
   */
  constructor(names: ReadonlyMap<string, string> = new Map(), remembered: RememberedWan[] = []) {
    this.#names = names;
    for (const device of names.keys()) this.#add(device);
    for (const { interface: device, addresses } of remembered) this.#add(device).addresses = addresses;
  }

  observe({ defaultRoutes: { ipv4, ipv6 }, addresses, operstate }: Observation): Wan[] {
    for (const { interface: device } of [...ipv4, ...ipv6]) this.#add(device);
    const carriers = new Set([...best(ipv4), ...best(ipv6)]);
    const inUse = new Set([...addresses.values()].flat().map(formatAddress));
    for (const wan of this.#wans.values()) {
      const state = operstate(wan.interface);
      // PPP and tunnels never leave `unknown` while they work.
      wan.isUp = state === 'up' || state === 'unknown';
      wan.carriesDefaultRoute = carriers.has(wan.interface);
      // An address that another interface has now is that one's, whoever had it before.
      wan.addresses = merge(addresses.get(wan.interface) ?? [], wan.addresses.filter((address) => !inUse.has(formatAddress(address))));
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

/** Interfaces of the routes that win: those of the lowest metric. */
function best(routes: DefaultRoute[]): string[] {
  const lowest = Math.min(...routes.map(({ metric }) => metric));
  return routes.filter(({ metric }) => metric === lowest).map((route) => route.interface);
}

function merge(now: Uint8Array[], before: Uint8Array[]): Uint8Array[] {
  const texts = new Set<string>();
  return [...now, ...before].filter((address) => {
    const text = formatAddress(address);
    if (texts.has(text)) return false;
    texts.add(text);
    return true;
  }).slice(0, MOST_ADDRESSES);
}

function isUsable(flags: number): boolean {
  return (flags & RTF_UP) !== 0 && (flags & RTF_REJECT) === 0;
}
