import { formatPrefix, parseAddress, parsePrefix } from '../../proto/model/address.ts';

/** Bits of an IPv6 address that one subscriber usually controls. */
const SUBSCRIBER_BITS = 64;

/**
 * The key under which an address is counted: an IPv4 address, or the /64 of an IPv6 one, since changing the other half costs nothing.
 * Anything else counts as one party.
 */
export function addressKey(address: string): string {
  const plain = address.replace(/^::ffff:(?=\d+\.)/i, '');
  if (!parseAddress(plain)) return 'unknown';
  return plain.includes(':') ? formatPrefix(parsePrefix(`${plain}/${SUBSCRIBER_BITS}`)!) : plain;
}
