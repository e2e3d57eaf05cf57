import { formatAddress, parseAddress, parsePrefix, prefixContains } from '../../proto/model/address.ts';

/** What precedes an IPv4 address that connected to an IPv6 socket, `::ffff:0:0/96`. */
const MAPPED = parsePrefix('::ffff:0:0/96')!;

/** The address of a gRPC peer, `10.0.0.1:4000` or `[::1]:4000`, without port and zone; a mapped IPv4 address is that IPv4 address. */
export function addressOf(peer: string): string {
  const end = peer.lastIndexOf(':');
  const host = (end < 0 ? peer : peer.slice(0, end)).replace(/^\[|\]$/g, '').replace(/%.*$/, '');
  const bytes = parseAddress(host);
  if (!bytes) return host;
  return formatAddress(prefixContains(MAPPED, bytes) ? bytes.slice(12) : bytes);
}

/** True if the address lies in one of the prefixes, or if there are none. */
export function isAllowedFrom(address: string, sources: readonly string[]): boolean {
  if (sources.length === 0) return true;
  const bytes = parseAddress(address);
  return (
    bytes !== undefined &&
    sources.some((source) => {
      const prefix = parsePrefix(source);
      return prefix !== undefined && prefixContains(prefix, bytes);
    })
  );
}
