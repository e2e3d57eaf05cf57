import { formatPrefix, parseAddress, parsePrefix, type Prefix } from '../address.ts';

/**
 * The prefixes that an address, as people write it, stands for: `10.2.3.4`, `10.0.0.0/8`, `10.0.0.0/255.0.0.0`, `10.0.*`,
 * `10.0.0.5-10.0.0.20`, `[2001:db8::1]`. Together they contain exactly the addresses meant. Undefined if it is none of these.
 */
export function parseAddresses(text: string): Prefix[] | undefined {
  const plain = /^\[(.*)\]$/.exec(text)?.[1] ?? text;
  const prefix = parsePrefix(plain) ?? withNetmask(plain) ?? withStars(plain);
  return prefix ? [prefix] : range(plain);
}

/** An address, prefix or range with a port, as `10.0.0.5:5060` or `[2001:db8::1]:443`, taken apart; undefined if it is not one. */
export function splitEndpoint(text: string): { address: string; port: string } | undefined {
  const { address, host, port } = /^(?:\[(?<address>[^\]]+)\]|(?<host>[^:[\]]+)):(?<port>[^:]+)$/.exec(text)?.groups ?? {};
  return port === undefined ? undefined : { address: (address ?? host)!, port };
}

/** An endpoint's address as written before the colon. */
export function formatEndpointAddress(prefix: Prefix): string {
  return prefix.family === 6 ? `[${formatPrefix(prefix)}]` : formatPrefix(prefix);
}

function withNetmask(text: string): Prefix | undefined {
  const [address, mask = ''] = text.split('/');
  const bytes = parseAddress(mask);
  if (bytes?.length !== 4) return undefined;
  const bits = [...bytes].map((byte) => byte.toString(2).padStart(8, '0')).join('');
  return /^1*0*$/.test(bits) ? parsePrefix(`${address}/${bits.lastIndexOf('1') + 1}`) : undefined;
}

/** Stars stand for whole numbers at the end; omitted numbers count as stars. */
function withStars(text: string): Prefix | undefined {
  const [, numbers, stars] = /^((?:\d{1,3}\.){1,3})(\*(?:\.\*){0,2})$/.exec(text) ?? [];
  if (numbers === undefined) return undefined;
  const given = numbers.slice(0, -1).split('.');
  if (given.length + stars!.split('.').length > 4) return undefined;
  return parsePrefix(`${[...given, '0', '0', '0'].slice(0, 4).join('.')}/${given.length * 8}`);
}

function range(text: string): Prefix[] | undefined {
  const [first = '', last = '', ...rest] = text.split('-');
  const [from, to] = [parseAddress(first), parseAddress(last)];
  if (rest.length > 0 || !from || from.length !== to?.length) return undefined;
  const [start, end] = [numberOf(from), numberOf(to)];
  return start <= end ? cover(start, end, from.length) : undefined;
}

/** The fewest prefixes that contain exactly these addresses. */
function cover(from: bigint, to: bigint, width: number): Prefix[] {
  const prefixes: Prefix[] = [];
  for (let at = from; at <= to;) {
    let free = 0;
    while (free < width * 8 && (at & (1n << BigInt(free))) === 0n && at + (2n << BigInt(free)) - 1n <= to) free++;
    prefixes.push({ family: width === 4 ? 4 : 6, address: bytesOf(at, width), bits: width * 8 - free });
    at += 1n << BigInt(free);
  }
  return prefixes;
}

function numberOf(address: Uint8Array): bigint {
  return address.reduce((sum, byte) => (sum << 8n) | BigInt(byte), 0n);
}

function bytesOf(value: bigint, width: number): Uint8Array {
  return Uint8Array.from({ length: width }, (_, index) => Number((value >> BigInt((width - 1 - index) * 8)) & 0xffn));
}
