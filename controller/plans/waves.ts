/** Flushes of more targets than this go in waves unless requested otherwise. */
export const FEW_TARGETS = 3;
/** The share of all targets that has begun by the end of each wave: first one gateway, then these shares, rounded up. */
const SHARES = [0.05, 0.25, 1];
/** A tag that names the gateways that share work with each other: `ha:NAME`. */
const PARTNER_TAG = /^ha:./;

/**
 * The wave of each target, from 1, in the order given. Partners of one another are never in the same wave, so that one of them carries the
 * traffic whatever comes of the other; those that have to wait for that begin before all who come after them. `few`: so many go at once in
 * any case.
 */
export function toWaves(targets: readonly { tags: readonly string[] }[], areWanted: boolean, few = FEW_TARGETS): number[] {
  const quotas = areWanted && targets.length > few ? [1, ...SHARES.map((share) => Math.ceil(targets.length * share))] : [targets.length];
  const waves: number[] = [];
  let waiting = targets.map((_, index) => index);
  for (let wave = 1, step = 0; waiting.length > 0; step++) {
    const begun = targets.length - waiting.length;
    const room = Math.max(0, (quotas[step] ?? targets.length) - begun);
    const partners = new Set<string>();
    const taken = new Set<number>();
    for (const index of waiting) {
      const own = targets[index]!.tags.filter((tag) => PARTNER_TAG.test(tag));
      if (taken.size === room || own.some((tag) => partners.has(tag))) continue;
      taken.add(index);
      own.forEach((tag) => partners.add(tag));
    }
    if (taken.size === 0) continue;
    for (const index of taken) waves[index] = wave;
    waiting = waiting.filter((index) => !taken.has(index));
    wave++;
  }
  return waves;
}

/** How many targets go in each wave, by what toWaves gives. */
export function waveSizes(waves: readonly number[]): number[] {
  const sizes: number[] = [];
  for (const wave of waves) sizes[wave - 1] = (sizes[wave - 1] ?? 0) + 1;
  return sizes;
}
