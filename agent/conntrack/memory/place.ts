import type { FlowKey, Tuple } from '../../../proto/model/flow.ts';

/** The key of an entry in the kernel's hash, as text: two entries of one place cannot be in a table at the same time. */
export function placeOf({ family, proto, orig, zone }: Pick<FlowKey, 'family' | 'proto' | 'orig' | 'zone'>): string {
  const { src, dst, sport, dport, srcKey, dstKey, icmp }: Tuple = orig;
  return [family, proto, src, dst, sport, dport, srcKey, dstKey, icmp?.type, icmp?.code, icmp?.id, orig.zone ?? zone].join(' ');
}

/** The id of the nth entry of a table. An odd multiplier visits all 32-bit numbers, in no order that anyone could rely on. */
export function idOf(nth: number): number {
  return Math.imul(nth, 0x9e3779b1) >>> 0;
}
