import { readFileSync } from 'node:fs';
import { networkInterfaces } from 'node:os';
import { parseAddress } from '../../proto/model/address.ts';
import { decodeAddress, decodeLink, RTM } from '../netlink/route-messages.ts';
import { RouteSocket } from '../netlink/route-socket.ts';
import { NetlinkError } from '../netlink/socket.ts';
import type { VirtualAddress } from '../conntrack/table.ts';
import { findVirtualAddresses, hasVrrpSocket } from './virtual-addresses.ts';
import { parseIpv4Defaults, parseIpv6Defaults, type Observation } from './wans.ts';

/** What this network namespace shows of its interfaces now. Needs no privilege. */
export function observeInterfaces(): Observation {
  return {
    atMs: Date.now(),
    defaultRoutes: { ipv4: parseIpv4Defaults(read('/proc/net/route') ?? ''), ipv6: parseIpv6Defaults(read('/proc/net/ipv6_route') ?? '') },
    addresses: new Map(Object.entries(networkInterfaces()).map(([name, found = []]) => [name, found.flatMap(({ address, internal }) => {
      const bytes = internal ? undefined : parseAddress(address);
      return bytes && !isLinkLocal(bytes) ? [bytes] : [];
    })])),
    virtualAddresses: observeVirtualAddresses(),
    operstate: (name) => read(`/sys/class/net/${name}/operstate`)?.trim(),
  };
}

function observeVirtualAddresses(): VirtualAddress[] | undefined {
  try {
    const socket = new RouteSocket();
    try {
      return findVirtualAddresses(Array.from(socket.dump(RTM.GETLINK), decodeLink), Array.from(socket.dump(RTM.GETADDR), decodeAddress).filter((one) => one !== undefined), ['raw', 'raw6'].some((file) => hasVrrpSocket(read(`/proc/thread-self/net/${file}`) ?? '')));
    } finally {
      socket.close();
    }
  } catch (error) {
    if (error instanceof NetlinkError) return undefined;
    throw error;
  }
}

/** fe80::/10: no flow that leaves the link has one. */
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
