import { appendFileSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { Journal, readRecords, type JournalRecord } from './journal.ts';

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

describe('the journal', () => {
  it('knows after a restart where each command stands', () => {
    const { state } = new Journal(filled().folder);
    expect(state.lastSeq).toBe(2n);
    expect(state.lastEpoch).toBe(3n);
    expect([...state.commands.keys()]).toEqual(['b']);
    expect(state.acknowledged.has('a')).toBe(true);
  });

  it('cut at any byte gives the records before the cut and goes on writing after them', () => {
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

  it('stops at a damaged line and never reads what follows as true', () => {
    const { folder, bytes } = filled();
    const damaged = Buffer.from(bytes);
    damaged[bytes.indexOf(10) + 15]! ^= 1;
    writeFileSync(path.join(folder, 'journal'), damaged);
    expect(readRecords(damaged).records).toHaveLength(1);
    expect(new Journal(folder).state.commands.get('a')?.state).toBe('received');
  });

  it('forgets nothing that matters when it is written anew', () => {
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
