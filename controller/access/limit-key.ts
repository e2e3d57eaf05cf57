import { formatPrefix, parseAddress, parsePrefix } from '../../proto/model/address.ts';

/** Bits of an IPv6 address that one subscriber has to himself. */
const SUBSCRIBER_BITS = 64;

/**
 * What is counted for an address: an IPv4 address, or the /64 of an IPv6 one, whose other half costs nothing to change. Anything else is
 * one party.
 */
export function addressKey(address: string): string {
  const plain = address.replace(/^::ffff:(?=\d+\.)/i, '');
  if (!parseAddress(plain)) return 'unknown';
  return plain.includes(':') ? formatPrefix(parsePrefix(`${plain}/${SUBSCRIBER_BITS}`)!) : plain;
}
