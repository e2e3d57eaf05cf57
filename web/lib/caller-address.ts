import { formatAddress, parseAddress, parsePrefix, prefixContains, type Prefix } from '../../proto/model/address.ts';

const WORDS: Record<string, string[]> = {
  loopback: ['127.0.0.0/8', '::1'],
  uniquelocal: ['10.0.0.0/8', '172.16.0.0/12', '192.168.0.0/16', 'fc00::/7'],
};

/** Parses addresses, prefixes, `loopback` and `uniquelocal`, separated by commas. Throws TypeError for anything else. */
export function parseProxies(text: string): Prefix[] {
  return text
    .split(',')
    .map((word) => word.trim())
    .filter((word) => word !== '')
    .flatMap((word) => WORDS[word] ?? [word])
    .map((word) => {
      const prefix = parsePrefix(word);
      if (!prefix) throw new TypeError(`CTFLEET_TRUSTED_PROXIES: ${word} is not an address, a prefix, loopback or uniquelocal`);
      return prefix;
    });
}

/**
 * Who sent a request: the peer of its connection, unless that is a trusted proxy; then the nearest entry in its X-Forwarded-For that is not
 * one. Entries before that are not trusted. Undefined if unknown.
 */
export function callerAddress(peer: string | undefined, forwardedFor: string | undefined, proxies: readonly Prefix[]): string | undefined {
  const chain = [...(forwardedFor?.split(',') ?? []), peer ?? ''];
  let nearest: string | undefined;
  for (const hop of chain.toReversed()) {
    const address = parseAddress(hop.trim().replace(/^::ffff:(?=\d+\.)/i, ''));
    if (!address) break;
    nearest = formatAddress(address);
    if (!proxies.some((prefix) => prefixContains(prefix, address))) break;
  }
  return nearest;
}
