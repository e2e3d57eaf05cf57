import ipaddr from 'ipaddr.js';
import type { Family } from './flow.ts';

/** A range of addresses; bits beyond `bits` are zero. */
export interface Prefix {
  family: Family;
  address: Uint8Array;
  bits: number;
}

/**
 * Bytes in network order (4 or 16) of an address given as text; undefined if it is not one. Rejects ports, zone ids and IPv4 shorthands
 * such as `10.1`.
 */
export function parseAddress(text: string): Uint8Array | undefined {
  return text.includes(':') ? parseIPv6(text) : parseIPv4(text);
}

/** Hand-written like IPv4: in a policy put in force, a library's two parses of each address took a tenth of an agent's time. RFC 4291, 2.2. */
function parseIPv6(text: string): Uint8Array | undefined {
  const halves = text.split('::');
  if (halves.length > 2) return undefined;
  const [head, tail] = halves.map((half, at) => groupsOf(half, at === halves.length - 1));
  if (!head || (halves.length === 2 && !tail)) return undefined;
  const missing = 8 - head.length - (tail?.length ?? 0);
  if (tail ? missing < 1 : missing !== 0) return undefined;
  const bytes = new Uint8Array(16);
  const put = (groups: readonly number[], from: number): void =>
    groups.forEach((group, at) => bytes.set([group >> 8, group & 0xff], 2 * (from + at)));
  put(head, 0);
  if (tail) put(tail, 8 - tail.length);
  return bytes;
}

/** Numbers of 16 bits; the last two of an address may be written as IPv4. */
function groupsOf(half: string, isLast: boolean): number[] | undefined {
  if (half === '') return [];
  const groups: number[] = [];
  const parts = half.split(':');
  for (const [at, part] of parts.entries()) {
    if (isLast && at === parts.length - 1 && part.includes('.')) {
      const four = parseIPv4(part);
      if (!four) return undefined;
      groups.push((four[0]! << 8) | four[1]!, (four[2]! << 8) | four[3]!);
    } else if (HEX_GROUP.test(part)) groups.push(Number.parseInt(part, 16));
    else return undefined;
  }
  return groups;
}

const HEX_GROUP = /^[0-9a-f]{1,4}$/i;

/**
 * Four decimal numbers without leading zeros. Hand-written: a flow has up to six addresses, and a library took as long as everything else a
 * plan needs.
 */
function parseIPv4(text: string): Uint8Array | undefined {
  const bytes = new Uint8Array(4);
  let [part, value, digits] = [0, 0, 0];
  for (let at = 0; at <= text.length; at++) {
    const code = at < text.length ? text.charCodeAt(at) : DOT;
    if (code === DOT) {
      if (digits === 0 || part === 4) return undefined;
      bytes[part++] = value;
      value = digits = 0;
    } else {
      const digit = code - ZERO;
      if (digit < 0 || digit > 9 || (digits > 0 && value === 0)) return undefined;
      value = value * 10 + digit;
      digits++;
      if (value > 255) return undefined;
    }
  }
  return part === 4 ? bytes : undefined;
}

const DOT = 0x2e;
const ZERO = 0x30;

/** Canonical text of 4 or 16 bytes; RFC 5952 for IPv6. */
export function formatAddress(bytes: Uint8Array): string {
  if (bytes.length === 4) return `${bytes[0]}.${bytes[1]}.${bytes[2]}.${bytes[3]}`;
  return new ipaddr.IPv6([...bytes]).toRFC5952String();
}

/** Parses `10.0.0.0/8` or a single address. Undefined if it is neither; bits beyond the prefix are cleared. */
export function parsePrefix(text: string): Prefix | undefined {
  const slash = text.indexOf('/');
  const address = parseAddress(slash < 0 ? text : text.slice(0, slash));
  if (!address) return undefined;
  const width = address.length * 8;
  const length = slash < 0 ? String(width) : text.slice(slash + 1);
  if (!/^\d{1,3}$/.test(length) || Number(length) > width) return undefined;
  const bits = Number(length);
  return {
    family: address.length === 4 ? 4 : 6,
    address: address.map((byte, index) => byte & (0xff << (8 - Math.min(8, Math.max(0, bits - index * 8))))),
    bits,
  };
}

/** `10.0.0.0/8`, or the bare address for a full-length prefix. */
export function formatPrefix(prefix: Prefix): string {
  const text = formatAddress(prefix.address);
  return prefix.bits === prefix.address.length * 8 ? text : `${text}/${prefix.bits}`;
}

/** True if the address lies in the prefix; false for the other family. */
export function prefixContains(prefix: Prefix, address: Uint8Array): boolean {
  if (address.length !== prefix.address.length) return false;
  const whole = prefix.bits >> 3;
  for (let i = 0; i < whole; i++) if (address[i] !== prefix.address[i]) return false;
  const rest = prefix.bits & 7;
  return rest === 0 || ((address[whole]! ^ prefix.address[whole]!) & (0xff << (8 - rest)) & 0xff) === 0;
}
