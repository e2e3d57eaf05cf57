/** A mark in a filter; `value` is already masked. */
export interface Masked {
  value: number;
  mask: number;
}

/** Parses `0x100`, `256`, `0x100/0xff00`. Undefined if it is not a 32-bit mark. */
export function parseMark(text: string): Masked | undefined {
  const [value, mask, ...rest] = text.split('/').map((part) => (/^(0x[0-9a-f]{1,8}|\d{1,10})$/i.test(part) ? Number(part) : Number.NaN));
  if (rest.length > 0 || value === undefined || !(value <= 0xffffffff) || (mask !== undefined && !(mask <= 0xffffffff))) return undefined;
  const bits = mask ?? 0xffffffff;
  return { value: (value & bits) >>> 0, mask: bits >>> 0 };
}

/** `0x100`, or `0x100/0xff00` if the mask is not all ones. */
export function formatMark({ value, mask }: Masked): string {
  return mask === 0xffffffff ? `0x${value.toString(16)}` : `0x${value.toString(16)}/0x${mask.toString(16)}`;
}
