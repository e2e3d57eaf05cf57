import { formatPrefix, parsePrefix, type Prefix } from '../address.ts';
import { merged } from '../block/packets.ts';
import type { PolicyMatch, PolicyRule } from './document.ts';
import { withoutAbsent } from '../without-absent.ts';

/**
 * The rule as the kernel keeps it: two rules that match the same packets in different words become one. Prefixes and ranges are merged, and
 * addresses of a family that the other side does not have are left out, since no packet has them.
 */
export function canonicalRule({ name, match, mode, answer, idleTimeoutSeconds, helper, limits }: PolicyRule): PolicyRule {
  return withoutAbsent({
    name,
    match: canonicalMatch(match),
    mode,
    answer,
    idleTimeoutSeconds,
    helper,
    limits: limits && withoutAbsent({ perSource: limits.perSource, perDestination: limits.perDestination, answer: limits.answer }),
  });
}

export function canonicalMatch({ proto, src, dst, sport, dport, iif, oif, zone, mark }: PolicyMatch): PolicyMatch {
  const [sources, destinations] = [src && mergedPrefixes(src), dst && mergedPrefixes(dst)];
  const met = (list: string[] | undefined, other: string[] | undefined): string[] | undefined =>
    list && other ? list.filter((one) => other.some((two) => isIPv6(one) === isIPv6(two))) : list;
  return withoutAbsent({
    proto,
    src: met(sources, destinations),
    dst: met(destinations, sources),
    sport: sport && merged(sport),
    dport: dport && merged(dport),
    iif: iif && mergedInterfaces(iif),
    oif: oif && mergedInterfaces(oif),
    zone,
    mark: mark && { value: mark.value, mask: mark.mask },
  });
}

export function isIPv6(prefix: string): boolean {
  return prefix.includes(':');
}

/** The fewest prefixes for the same addresses, IPv4 first. Throws TypeError for a text that is none. */
export function mergedPrefixes(texts: readonly string[]): string[] {
  return ([4, 6] as const).flatMap((family) => {
    const ranges = texts.map(rangeOf).filter((range) => range.family === family);
    return mergedRanges(ranges).flatMap(({ from, to }) => prefixesOf(family, from, to));
  });
}

/** The fewest prefixes for a range of addresses given as numbers. */
export function prefixesOf(family: 4 | 6, from: bigint, to: bigint): string[] {
  const width = family === 4 ? 32 : 128;
  const prefixes: string[] = [];
  for (let start = from; start <= to;) {
    let host = 0;
    while (host < width && (start & ((2n << BigInt(host)) - 1n)) === 0n && start + (2n << BigInt(host)) - 1n <= to) host++;
    prefixes.push(formatPrefix({ family, address: bytesOf(start, width / 8), bits: width - host }));
    start += 1n << BigInt(host);
  }
  return prefixes;
}

/** An address as a number. */
export function numberOf(address: Uint8Array): bigint {
  return address.reduce((number, byte) => (number << 8n) | BigInt(byte), 0n);
}

interface AddressRange {
  family: Prefix['family'];
  from: bigint;
  to: bigint;
}

function rangeOf(text: string): AddressRange {
  const prefix = parsePrefix(text);
  if (!prefix) throw new TypeError(`${text} is not a prefix`);
  const from = numberOf(prefix.address);
  return { family: prefix.family, from, to: from | ((1n << BigInt(prefix.address.length * 8 - prefix.bits)) - 1n) };
}

function mergedRanges(ranges: readonly AddressRange[]): AddressRange[] {
  const kept: AddressRange[] = [];
  for (const range of ranges.toSorted((a, b) => (a.from < b.from ? -1 : a.from > b.from ? 1 : 0))) {
    const last = kept.at(-1);
    if (last && range.from <= last.to + 1n) last.to = range.to > last.to ? range.to : last.to;
    else kept.push({ ...range });
  }
  return kept;
}

function bytesOf(number: bigint, length: number): Uint8Array {
  return Uint8Array.from({ length }, (_, index) => Number((number >> BigInt((length - 1 - index) * 8)) & 0xffn));
}

/** Without those that a wildcard stands for. */
function mergedInterfaces(names: readonly string[]): string[] {
  const isCovered = (name: string): boolean =>
    names.some((wider) => wider !== name && wider.endsWith('*') && name.startsWith(wider.slice(0, -1)));
  return [...new Set(names)].filter((name) => !isCovered(name)).toSorted();
}
