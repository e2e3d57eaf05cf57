import { readFileSync } from 'node:fs';
import { HOST_IS_LITTLE_ENDIAN } from '../../netlink/constants.ts';

/** Names of label bits, from /etc/xtables/connlabel.conf as used by iptables, nft and conntrack. */
export type LabelNames = ReadonlyMap<number, string>;

/** Bits that an entry has room for (nf_conntrack_labels.h). */
export const LABEL_BITS = 128;

/** Parses `bit name` lines; `#` begins a comment. Other lines are skipped, as the C library does. */
export function parseLabelNames(text: string): LabelNames {
  const names = new Map<number, string>();
  for (const line of text.split('\n')) {
    const parts = /^\s*(\d{1,3})\s+(\S+)/.exec(line.replace(/#.*/, ''));
    if (parts && Number(parts[1]) < LABEL_BITS) names.set(Number(parts[1]), parts[2]!);
  }
  return names;
}

export function readLabelNames(path = '/etc/xtables/connlabel.conf'): LabelNames {
  try {
    return parseLabelNames(readFileSync(path, 'utf8'));
  } catch {
    return new Map();
  }
}

/** The text of a label: its name, or its bit in decimal. */
export function labelText(bit: number, names: LabelNames): string {
  return names.get(bit) ?? String(bit);
}

/** The text of each label whose bit is set, in the order of the bits. */
export function labelTexts(bits: Uint8Array, names: LabelNames): string[] {
  const texts: string[] = [];
  for (let bit = 0; bit < bits.length * 8; bit++) if (hasLabel(bits, 0, bits.length, bit)) texts.push(labelText(bit, names));
  return texts;
}

/** The bits of label texts; the counterpart of labelTexts. A text that is neither a name nor a bit yields none. */
export function labelBits(texts: readonly string[], names: LabelNames): number[] {
  const bits = new Map([...names].map(([bit, name]) => [name, bit]));
  return texts.map((text) => bits.get(text) ?? (/^\d+$/.test(text) ? Number(text) : LABEL_BITS)).filter((bit) => bit < LABEL_BITS);
}

/**
 * True if a bit is set in CTA_LABELS at an offset. The kernel keeps longs in its own order: on big-endian machines (assumed to be 64-bit)
 * the bytes of each are reversed.
 */
export function hasLabel(bytes: Uint8Array, at: number, length: number, bit: number): boolean {
  const byte = HOST_IS_LITTLE_ENDIAN ? bit >> 3 : (bit >> 6) * 8 + 7 - ((bit & 63) >> 3);
  return byte < length && (bytes[at + byte]! & (1 << (bit & 7))) !== 0;
}

/** The bits as CTA_LABELS carries them; the counterpart of labelTexts. */
export function labelBytes(bits: number[]): Uint8Array {
  const bytes = new Uint8Array(LABEL_BITS / 8);
  for (const bit of bits) bytes[HOST_IS_LITTLE_ENDIAN ? bit >> 3 : (bit >> 6) * 8 + 7 - ((bit & 63) >> 3)]! |= 1 << (bit & 7);
  return bytes;
}
