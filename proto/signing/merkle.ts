import { createHash } from 'node:crypto';

/** The place of a leaf in a tree of `count`, and the hashes beside its way to the root, lowest first. */
export interface TreePath {
  index: number;
  count: number;
  path: Uint8Array[];
}

const HASH_BYTES = 32;
/** A tree of 2^32 leaves is no higher. */
const MAX_PATH = 32;

/** The hash of a leaf. Leaves and nodes are hashed apart (RFC 9162, 2.1), so that none can be passed off as the other. */
export function leafOf(text: string): Uint8Array {
  return hash(0, Buffer.from(text));
}

/** The root over leaves in their order, SHA-256 of nothing if there are none, and the path of each. */
export function treeOf(leaves: readonly Uint8Array[]): { root: Uint8Array; paths: TreePath[] } {
  const paths = leaves.map((_, index): TreePath => ({ index, count: leaves.length, path: [] }));
  return { root: leaves.length === 0 ? createHash('sha256').digest() : between(0, leaves.length), paths };

  /** Children come before their parent, so that each path grows from the leaf. */
  function between(from: number, to: number): Uint8Array {
    if (to - from === 1) return leaves[from]!;
    const middle = from + leftOf(to - from);
    const [left, right] = [between(from, middle), between(middle, to)];
    for (const { index, path } of paths.slice(from, to)) path.push(index < middle ? right : left);
    return hash(1, left, right);
  }
}

/** The root that a leaf has by this path (RFC 9162, 2.1.3.2); undefined for a path that fits no tree. Never throws. */
export function rootFrom(leaf: Uint8Array, { index, count, path }: TreePath): Uint8Array | undefined {
  if (!Number.isInteger(index) || !Number.isInteger(count) || index < 0 || index >= count) return undefined;
  if (path.length > MAX_PATH || path.some(({ length }) => length !== HASH_BYTES)) return undefined;
  let [node, last] = [index, count - 1];
  let root = leaf;
  for (const beside of path) {
    if (last === 0) return undefined;
    if (node % 2 === 1 || node === last) {
      root = hash(1, beside, root);
      while (node % 2 === 0 && node !== 0) [node, last] = [node / 2, Math.floor(last / 2)];
    } else {
      root = hash(1, root, beside);
    }
    [node, last] = [Math.floor(node / 2), Math.floor(last / 2)];
  }
  return last === 0 ? root : undefined;
}

/** The largest power of two below `count`. */
function leftOf(count: number): number {
  let left = 1;
  while (left * 2 < count) left *= 2;
  return left;
}

function hash(kind: 0 | 1, ...parts: Uint8Array[]): Uint8Array {
  const state = createHash('sha256').update(Uint8Array.of(kind));
  for (const part of parts) state.update(part);
  return state.digest();
}
