import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { Witness } from './witness.ts';

let directory: string;
let said: string[];
beforeEach(() => {
  directory = mkdtempSync(path.join(tmpdir(), 'ctfleet-witness-'));
  said = [];
});
afterEach(() => rmSync(directory, { recursive: true }));

const open = () => new Witness(directory, (why) => said.push(why));
const head = (seq: number, hash = `hash ${seq}`, chain = 'system') => ({
  chain,
  seq: BigInt(seq),
  hash,
  atMs: 1n,
  signature: Buffer.from('s'),
  keyId: 'k',
});

test('heads that grow are kept over a restart, the newest of each chain last, 32 at most', () => {
  const witness = open();
  for (let seq = 1; seq <= 40; seq++) witness.see(head(seq * 10));
  witness.see(head(7, 'other', 'tenant'));
  const again = open();
  expect(again.kept.filter(({ chain }) => chain === 'system').map(({ seq }) => Number(seq))).toEqual(
    Array.from({ length: 32 }, (_, index) => 90 + index * 10),
  );
  expect(again.kept.at(-1)).toMatchObject({ chain: 'tenant', seq: 7n, hash: 'other' });
  expect(said).toEqual([]);
});

test('the same head again is no news', () => {
  const witness = open();
  witness.see(head(5));
  witness.see(head(5));
  expect(witness.kept).toHaveLength(1);
});

test('a chain that became shorter, or whose entry is another, is said and not kept', () => {
  const witness = open();
  witness.see(head(5));
  witness.see(head(9));
  witness.see(head(7));
  witness.see(head(9, 'forged'));
  witness.see(head(5, 'forged'));
  expect(witness.kept.map(({ hash }) => hash)).toEqual(['hash 5', 'hash 9']);
  expect(said).toEqual([
    'audit chain system ends at 7; 9 was witnessed',
    'audit chain system has another entry 9 than the one that was witnessed',
    'audit chain system has another entry 5 than the one that was witnessed',
  ]);
});

test('a file that cannot be read is said', () => {
  writeFileSync(path.join(directory, 'witness.json'), '{');
  expect(open().kept).toEqual([]);
  expect(said[0]).toMatch(/cannot be read and starts again/);
});
