/** IPS_* bits of an entry (include/uapi/linux/netfilter/nf_conntrack_common.h). */
export const IPS = {
  EXPECTED: 1 << 0,
  SEEN_REPLY: 1 << 1,
  ASSURED: 1 << 2,
  CONFIRMED: 1 << 3,
  SRC_NAT: 1 << 4,
  DST_NAT: 1 << 5,
  SEQ_ADJUST: 1 << 6,
  SRC_NAT_DONE: 1 << 7,
  DST_NAT_DONE: 1 << 8,
  DYING: 1 << 9,
  FIXED_TIMEOUT: 1 << 10,
  TEMPLATE: 1 << 11,
  UNTRACKED: 1 << 12,
  HELPER: 1 << 13,
  OFFLOAD: 1 << 14,
  HW_OFFLOAD: 1 << 15,
} as const;

/** Operators' words for the bits, in display order. `unreplied` is the absence of SEEN_REPLY. */
const WORDS: [string, number][] = [
  ['assured', IPS.ASSURED],
  ['snat', IPS.SRC_NAT],
  ['dnat', IPS.DST_NAT],
  ['expected', IPS.EXPECTED],
  ['fixed-timeout', IPS.FIXED_TIMEOUT],
  ['dying', IPS.DYING],
  ['offload', IPS.OFFLOAD],
  ['hw-offload', IPS.HW_OFFLOAD],
  ['seq-adjust', IPS.SEQ_ADJUST],
  ['helper', IPS.HELPER],
  ['confirmed', IPS.CONFIRMED],
];

/** All words that `status:` accepts. */
export const STATUS_WORDS: string[] = ['replied', 'unreplied', 'nat', ...WORDS.map(([word]) => word)];

/** The words that hold for these bits: always `replied` or `unreplied`, then the rest; never `nat`, which is only for filters. */
export function statusWords(status: number): string[] {
  const words = [status & IPS.SEEN_REPLY ? 'replied' : 'unreplied'];
  for (const [word, bit] of WORDS) if (status & bit) words.push(word);
  return words;
}

/** What a status word requires: `(status & mask) === value`, or `any` of the bits; undefined for an unknown word. */
export function statusTest(word: string): { mask: number; value: number } | { any: number } | undefined {
  if (word === 'replied') return { mask: IPS.SEEN_REPLY, value: IPS.SEEN_REPLY };
  if (word === 'unreplied') return { mask: IPS.SEEN_REPLY, value: 0 };
  if (word === 'nat') return { any: IPS.SRC_NAT | IPS.DST_NAT };
  const bit = WORDS.find(([name]) => name === word)?.[1];
  return bit === undefined ? undefined : { mask: bit, value: bit };
}
