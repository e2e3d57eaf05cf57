/** Crockford's alphabet: no letter looks like a digit. */
const LETTERS = '0123456789abcdefghjkmnpqrstvwxyz';
const GROUPS = 4;
const GROUP_LETTERS = 4;
const LETTER_BITS = 5;

/**
 * A public key's SHA-256 as agent and console show it: `k3fa-92mn-0x7q-zz41`, its first 80 bits. People compare it before a gateway is
 * approved, so nobody may find another key with the same text: that takes 2^80 keys. Throws RangeError for fewer bytes.
 */
export function formatFingerprint(sha256: Uint8Array): string {
  if (sha256.length < (GROUPS * GROUP_LETTERS * LETTER_BITS) / 8) throw new RangeError('this is not a SHA-256');
  const bits = [...sha256].map((byte) => byte.toString(2).padStart(8, '0')).join('');
  const letter = (at: number): string => LETTERS[Number.parseInt(bits.slice(at * LETTER_BITS, (at + 1) * LETTER_BITS), 2)]!;
  return Array.from({ length: GROUPS }, (_, group) =>
    Array.from({ length: GROUP_LETTERS }, (_, index) => letter(group * GROUP_LETTERS + index)).join(''),
  ).join('-');
}
