import fc from 'fast-check';
import { createHash } from 'node:crypto';
import { expect, it } from 'vitest';
import { leafOf, rootFrom, treeOf } from './merkle.ts';

const sha256 = (...parts: Uint8Array[]): Buffer => createHash('sha256').update(Buffer.concat(parts)).digest();
const hex = (bytes: Uint8Array | undefined): string | undefined => bytes && Buffer.from(bytes).toString('hex');
const leaves = (count: number): Uint8Array[] => Array.from({ length: count }, (_, n) => leafOf(`leaf ${n}`));

it('the root of three leaves is as RFC 9162 draws it', () => {
  const [a, b, c] = [0, 1, 2].map((n) => sha256(Buffer.from([0]), Buffer.from(`leaf ${n}`)));
  const one = Buffer.from([1]);
  expect(Buffer.from(treeOf(leaves(3)).root)).toEqual(sha256(one, sha256(one, a!, b!), c!));
  expect(Buffer.from(treeOf(leaves(1)).root)).toEqual(a);
  expect(Buffer.from(treeOf([]).root)).toEqual(sha256());
});

it('every leaf of trees of up to 70 leads to the root by its path, and at no other place', () => {
  for (let count = 1; count <= 70; count++) {
    const all = leaves(count);
    const { root, paths } = treeOf(all);
    for (const [index, path] of paths.entries()) {
      expect(hex(rootFrom(all[index]!, path))).toBe(hex(root));
      expect(hex(rootFrom(leafOf('another'), path))).not.toBe(hex(root));
      for (const other of [index - 1, index + 1]) expect(hex(rootFrom(all[index]!, { ...path, index: other }))).not.toBe(hex(root));
    }
  }
});

it('no other path leads to the root, and none throws', () => {
  const all = leaves(13);
  const { root, paths } = treeOf(all);
  const hash = fc.oneof(fc.uint8Array({ minLength: 32, maxLength: 32 }), fc.uint8Array({ maxLength: 40 }), fc.constantFrom(...all));
  const number = fc.oneof(fc.integer({ min: -2, max: 20 }), fc.double(), fc.constantFrom(2 ** 32 - 1, Number.MAX_SAFE_INTEGER));
  fc.assert(
    fc.property(fc.nat(12), number, number, fc.array(hash, { maxLength: 40 }), (leaf, index, count, path) => {
      fc.pre(JSON.stringify({ index, count, path }) !== JSON.stringify(paths[leaf]));
      expect(rootFrom(all[leaf]!, { index, count, path })).not.toEqual(root);
    }),
    { numRuns: 2000 },
  );
});

it('five thousand gateways take a path of thirteen hashes each', () => {
  const { paths } = treeOf(leaves(5000));
  expect(Math.max(...paths.map(({ path }) => path.length))).toBe(13);
});
