import { formatAddress, parseAddress } from '../../../proto/model/address.ts';

/** An address as nft takes it, never the text that somebody wrote. Throws TypeError for what is none. */
export function address(text: string): string {
  const bytes = parseAddress(text);
  if (!bytes) throw new TypeError(`${text} is not an address`);
  return formatAddress(bytes);
}

/** A whole number as nft takes it. Throws TypeError for what is none. */
export function whole(value: number | undefined): string {
  if (value === undefined || !Number.isSafeInteger(value) || value < 0) throw new TypeError(`${value} is not a whole number`);
  return String(value);
}
