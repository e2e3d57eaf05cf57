import fc from 'fast-check';
import { appendFileSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { formatRecords, Journal, readRecords, type JournalRecord } from './journal.ts';

const root = mkdtempSync(path.join(os.tmpdir(), 'ctfleet-journal-'));
const directory = () => mkdtempSync(path.join(root, 'agent-'));
afterAll(() => rmSync(root, { recursive: true }));
const received = (id: string, seq: number): JournalRecord => ({ kind: 'received', id, seq: String(seq), epoch: '3', planId: `plan-${id}` });

function filled(): { folder: string; bytes: Buffer } {
  const folder = directory();
  const journal = new Journal(folder);
  journal.append(received('a', 1));
  journal.append({ kind: 'started', id: 'a', atMs: 1000, tableBefore: 7 });
  journal.append({ kind: 'finished', id: 'a', result: 'cmVzdWx0' });
  journal.append(received('b', 2));
  journal.append({ kind: 'acknowledged', id: 'a' });
  journal.close();
  return { folder, bytes: readFileSync(path.join(folder, 'journal')) };
}

const FILLED = filled();

describe('the journal', () => {
  it('knows the state of each command after a restart', () => {
    const { state } = new Journal(filled().folder);
    expect(state.lastSeq).toBe(2n);
    expect(state.lastEpoch).toBe(3n);
    expect([...state.commands.keys()]).toEqual(['b']);
    expect(state.acknowledged.has('a')).toBe(true);
  });

  it('truncated at any byte yields the records before the cut and continues writing after them', () => {
    const { bytes } = filled();
    const whole = readRecords(bytes).records;
    for (let cut = 0; cut <= bytes.length; cut++) {
      const folder = directory();
      writeFileSync(path.join(folder, 'journal'), bytes.subarray(0, cut));
      const journal = new Journal(folder);
      const kept = readRecords(bytes.subarray(0, cut)).records;
      expect(kept).toEqual(whole.slice(0, kept.length));
      journal.append(received('later', 9));
      journal.close();
      expect(readRecords(readFileSync(path.join(folder, 'journal'))).records).toEqual([...kept, received('later', 9)]);
    }
  });

  it('with any one byte changed is left as it is, still applies the other records, and accepts no more', () => {
    const { folder, bytes } = filled();
    const file = path.join(folder, 'journal');
    for (let at = 0; at < bytes.length; at++) {
      const damaged = Buffer.from(bytes);
      damaged[at]! ^= 1 << (at % 8);
      writeFileSync(file, damaged);
      const journal = new Journal(folder);
      expect(journal.damage).toMatch(/accept-journal/);
      expect(() => journal.append(received('later', 9))).toThrow(expect.objectContaining({ code: 'GUARD_REFUSED' }));
      expect(journal.state.lastSeq).toBeGreaterThanOrEqual(1n);
      expect(journal.state.commands.has('a') || journal.state.acknowledged.has('a')).toBe(true);
      journal.close();
      expect(readFileSync(file).equals(damaged)).toBe(true);
    }
  });

  it('keeps records of another version, even when it is compacted', () => {
    const folder = directory();
    const text = '{"kind":"paused","id":"c7","untilMs":5}';
    writeFileSync(path.join(folder, 'journal'), formatRecords([received('a', 1), { kind: 'other', text }]));
    const journal = new Journal(folder);
    expect(journal.damage).toBeUndefined();
    for (let n = 2; n < 2600; n++) {
      journal.append(received(`c${n}`, n));
      journal.append({ kind: 'acknowledged', id: `c${n}` });
    }
    journal.close();
    expect(readFileSync(path.join(folder, 'journal'), 'utf8')).toContain(text);
    expect(new Journal(folder).state).toMatchObject({ others: [text], lastSeq: 2599n });
  });

  it('treats a complete record that does not match its kind’s schema as damage, not as a crash', () => {
    const folder = directory();
    writeFileSync(path.join(folder, 'journal'), formatRecords([received('a', 1), { kind: 'other', text: '{"kind":"received","id":"b"}' }]));
    expect(new Journal(folder).damage).toMatch(/line 2/);
  });

  it('of random bytes never throws, and whatever can be read back is what was written', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 400 }), fc.nat(), (noise, at) => {
        const { bytes } = FILLED;
        const whole = readRecords(bytes).records.map((record) => JSON.stringify(record));
        const cut = at % (bytes.length + 1);
        const { records } = readRecords(Buffer.concat([bytes.subarray(0, cut), noise, bytes.subarray(cut)]));
        for (const record of records) if (record.kind !== 'other') expect(whole).toContain(JSON.stringify(record));
      }),
      { numRuns: 300 },
    );
  });

  it('loses nothing that matters when it is compacted', () => {
    const folder = directory();
    const journal = new Journal(folder);
    journal.append(received('open', 1));
    journal.append({ kind: 'started', id: 'open', atMs: 5, tableBefore: 3 });
    for (let n = 2; n < 2600; n++) {
      journal.append(received(`c${n}`, n));
      journal.append({ kind: 'acknowledged', id: `c${n}` });
    }
    journal.close();
    expect(readRecords(readFileSync(path.join(folder, 'journal'))).records.length).toBeLessThan(2 * 2600);
    const { state } = new Journal(folder);
    expect(state.lastSeq).toBe(2599n);
    expect(state.lastEpoch).toBe(3n);
    expect(state.commands.get('open')).toMatchObject({ state: 'started', startedAtMs: 5, tableBefore: 3, planId: 'plan-open' });
    expect(state.acknowledged.has('c2599')).toBe(true);
    appendFileSync(path.join(folder, 'journal'), 'torn');
    expect(new Journal(folder).state.lastSeq).toBe(2599n);
  });
});
