import { createHash } from 'node:crypto';

/** Sixteen letters and digits that stand for a value in names: the same value has the same, another value another. */
export function contentHash(value: unknown): string {
  return createHash('sha256').update(JSON.stringify(value)).digest('hex').slice(0, 16);
}
