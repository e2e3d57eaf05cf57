import fc from 'fast-check';
import { expect, test } from 'vitest';
import { GENESIS, hashEntry, type HashedEntry } from './chain.ts';
import { checkpointOf } from './checkpoint.ts';
import { AuditKey } from './signature.ts';
import { TrailWriter, verifyTrail } from './trail.ts';

const key = new AuditKey(AuditKey.generate());
const NONE = { signed: 0, unsigned: 0, keys: [] };
const CHAINS = ['018f0000-0000-7000-8000-000000000001', '018f0000-0000-7000-8000-000000000002', 'system'];

function chainOf(chain: string, count: number): HashedEntry[] {
  const entries: HashedEntry[] = [];
  for (let seq = 1; seq <= count; seq++) {
    const entry = {
      id: `${chain}/${seq}`,
      chain,
      seq,
      at: new Date(1_790_000_000_000 + seq * 1000).toISOString(),
      actor: { kind: 'user', id: 'u1', name: 'Zoë Műller' },
      action: 'flush.started',
      outcome: 'ok',
      summary: `began to delete ${seq} flows`,
      detail: { flows: seq, gateways: [{ id: 'g1', flows: seq }] },
      previousHash: entries.at(-1)?.hash ?? GENESIS,
      ...(seq % 3 === 0 && { ticket: 'T-1' }),
    };
    entries.push({ ...entry, hash: hashEntry(entry) });
  }
  return entries;
}

function trailOf(lengths: number[], from = 1): string[] {
  const writer = new TrailWriter(key);
  const lines = lengths.flatMap((length, index) => {
    const entries = chainOf(CHAINS[index]!, length);
    const { chain, seq, hash } = entries.at(-1)!;
    return [
      ...entries.slice(from - 1).map((entry) => writer.entry(entry)),
      writer.checkpoint(checkpointOf({ chain, seq, hash, at: '2026-11-24T00:00:00.000Z' }, key)),
    ];
  });
  return [...lines, writer.end('2026-11-24T00:00:01.000Z')];
}

const TRAIL = trailOf([12, 7, 9]);

test('an unchanged trail is intact, complete or a part of its chains', () => {
  expect(verifyTrail(TRAIL, key.publicPem)).toEqual({ isIntact: true, entries: 28, chains: 3, approvals: NONE });
  expect(verifyTrail(trailOf([12], 5), key.publicPem)).toEqual({ isIntact: true, entries: 8, chains: 1, approvals: NONE });
});

test('a trail signed by somebody else is refused', () => {
  const other = new AuditKey(AuditKey.generate());
  expect(verifyTrail(TRAIL, other.publicPem)).toMatchObject({
    isIntact: false,
    firstBreak: { line: 13, why: 'the checkpoint’s signature is not ours' },
  });
});

/** A mutation, and the first line that it changes. */
type Mutated = { lines: string[]; from: number };
const place = fc.nat(TRAIL.length - 1);
const mutation: fc.Arbitrary<Mutated> = fc.oneof(
  // One character of a line changes.
  fc.tuple(place, fc.nat(), fc.integer({ min: 32, max: 0x17f })).map(([line, at, code]) => {
    const text = TRAIL[line]!;
    const index = at % text.length;
    return { lines: TRAIL.with(line, text.slice(0, index) + String.fromCharCode(code) + text.slice(index + 1)), from: line };
  }),
  // A number or a word of an entry changes, and its own hash is recomputed: a forger who knows how.
  fc.tuple(place, fc.constantFrom('summary', 'outcome', 'action', 'at', 'reason'), fc.string()).map(([line, field, value]) => {
    const { kind, hash: _, ...entry } = JSON.parse(TRAIL[line]!) as { kind: string } & HashedEntry;
    if (kind !== 'entry') return { lines: TRAIL, from: line };
    const forged = { ...entry, [field]: value };
    const writer = new TrailWriter(key);
    return { lines: TRAIL.with(line, writer.entry({ ...forged, hash: hashEntry(forged) })), from: line };
  }),
  // Lines are removed, duplicated, moved, cut off.
  fc.tuple(place, fc.integer({ min: 1, max: 5 })).map(([line, count]) => ({ lines: TRAIL.toSpliced(line, count), from: line })),
  fc.tuple(place, place).map(([line, to]) => ({ lines: TRAIL.toSpliced(to, 0, TRAIL[line]!), from: Math.min(to, TRAIL.length) })),
  fc.tuple(place, place).map(([a, b]) => ({ lines: TRAIL.with(a, TRAIL[b]!).with(b, TRAIL[a]!), from: Math.min(a, b) })),
  place.map((line) => ({ lines: TRAIL.slice(0, line), from: line })),
);

test('10,000 mutations of a trail are all found, and the first bad line is named', () => {
  fc.assert(
    fc.property(mutation, ({ lines, from }) => {
      fc.pre(lines.join('\n') !== TRAIL.join('\n'));
      const verdict = verifyTrail(lines, key.publicPem);
      if (verdict.isIntact) throw new Error('not found');
      // A removal shows at the line that took its place, or at the end, which lists what should be there; never before the change.
      expect(verdict.firstBreak.line).toBeGreaterThan(from);
    }),
    { numRuns: 10_000 },
  );
}, 120_000);

test('an edit is named by chain, number and id at its own line', () => {
  const edited = TRAIL.with(4, TRAIL[4]!.replace('began to delete 5 flows', 'began to delete 3 flows'));
  expect(verifyTrail(edited, key.publicPem)).toEqual({
    isIntact: false,
    firstBreak: { line: 5, chain: CHAINS[0], seq: 5, id: `${CHAINS[0]}/5`, why: 'its content is not what was hashed' },
  });
  expect(verifyTrail(TRAIL.toSpliced(2, 2), key.publicPem)).toMatchObject({
    firstBreak: { line: 3, chain: CHAINS[0], seq: 3, why: 'entries 3 to 4 are missing' },
  });
  expect(verifyTrail(TRAIL.toSpliced(0, 2), key.publicPem)).toMatchObject({
    firstBreak: { chain: CHAINS[0], seq: 1, why: 'entries are missing from its beginning' },
  });
  expect(verifyTrail(TRAIL.slice(0, -1), key.publicPem)).toMatchObject({ firstBreak: { line: TRAIL.length, why: 'the end is missing' } });
});
