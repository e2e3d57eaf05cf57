import { readFileSync } from 'node:fs';
import { networkInterfaces } from 'node:os';
import { formatAddress, parseAddress } from '../../proto/model/address.ts';
import { decodeAddress, decodeDefaultHops, decodeLink, RTM, type Link } from '../netlink/route-messages.ts';
import { RouteSocket } from '../netlink/route-socket.ts';
import { NetlinkError } from '../netlink/socket.ts';
import type { VirtualAddress } from '../conntrack/table.ts';
import { findVirtualAddresses, hasVrrpSocket } from './virtual-addresses.ts';
import { parseIpv4Defaults, parseIpv6Defaults, type DefaultRoute, type Observation } from './wans.ts';

/** Observes the interfaces of this network namespace now. Needs no privilege. */
export function observeInterfaces(): Observation {
  const { defaultRoutes, virtualAddresses } = askKernel() ?? {};
  return {
    atMs: Date.now(),
    defaultRoutes: defaultRoutes ?? {
      ipv4: parseIpv4Defaults(read('/proc/net/route') ?? ''),
      ipv6: parseIpv6Defaults(read('/proc/net/ipv6_route') ?? ''),
    },
    addresses: new Map(
      Object.entries(networkInterfaces()).map(([name, found = []]) => [
        name,
        found.flatMap(({ address, internal }) => {
          const bytes = internal ? undefined : parseAddress(address);
          return bytes && !isLinkLocal(bytes) ? [bytes] : [];
        }),
      ]),
    ),
    virtualAddresses,
    operstate: (name) => read(`/sys/class/net/${name}/operstate`)?.trim(),
  };
}

/** What only netlink can tell; undefined if it cannot be used. */
function askKernel(): Pick<Observation, 'defaultRoutes' | 'virtualAddresses'> | undefined {
  try {
    const socket = new RouteSocket();
    try {
      const links = Array.from(socket.dump(RTM.GETLINK), decodeLink);
      return { defaultRoutes: defaultRoutesOf(socket, links), virtualAddresses: virtualAddressesOf(socket, links) };
    } finally {
      socket.close();
    }
  } catch (error) {
    if (error instanceof NetlinkError) return undefined;
    throw error;
  }
}

function virtualAddressesOf(socket: RouteSocket, links: readonly Link[]): VirtualAddress[] {
  const addresses = Array.from(socket.dump(RTM.GETADDR), decodeAddress).filter((one) => one !== undefined);
  return findVirtualAddresses(
    [...links],
    addresses,
    ['raw', 'raw6'].some((file) => hasVrrpSocket(read(`/proc/thread-self/net/${file}`) ?? '')),
  );
}

function defaultRoutesOf(socket: RouteSocket, links: readonly Link[]): Observation['defaultRoutes'] {
  const names = new Map(links.map(({ index, name }) => [index, name]));
  const hops = Array.from(socket.dump(RTM.GETROUTE), decodeDefaultHops).flat();
  const of = (family: 4 | 6): DefaultRoute[] =>
    hops
      .filter((hop) => hop.family === family && names.has(hop.link))
      .map(({ link, metric, nextHop }) => ({ interface: names.get(link)!, metric, nextHop: nextHop && formatAddress(nextHop) }));
  return { ipv4: of(4), ipv6: of(6) };
}

/** fe80::/10, which no flow that leaves the link uses. */
function isLinkLocal(address: Uint8Array): boolean {
  return address.length === 16 && address[0] === 0xfe && (address[1]! & 0xc0) === 0x80;
}

function read(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return undefined;
  }
}
