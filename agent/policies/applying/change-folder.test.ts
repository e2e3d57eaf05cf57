import { readdirSync, readFileSync, truncateSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import fc from 'fast-check';
import { beforeEach, describe, expect, test } from 'vitest';
import { Disk } from '../../disk/disk.ts';
import { FailingFiles } from '../../../test/support/failing-files.ts';
import { BUSY, ChangeStage, newFolder } from '../../../test/support/policy-changing.ts';
import { ChangeFolder } from './change-folder.ts';
import { formatRecord, parseRecord, type ChangeRecord } from './change-record.ts';

let stateDir: string;
let folder: ChangeFolder;
let record: ChangeRecord;
beforeEach(async () => {
  stateDir = newFolder();
  folder = new ChangeFolder(stateDir, new Disk());
  const stage = new ChangeStage();
  ({ record } = await stage.changes.apply(BUSY, 60_000));
});
const fileOf = (name: string): string => path.join(stateDir, 'policies', `${name}.json`);

test('a record is read as it was written, and with any byte changed not at all', () => {
  const text = formatRecord(record);
  expect(parseRecord(Buffer.from(text))).toEqual(record);
  fc.assert(
    fc.property(fc.nat(text.length - 1), fc.integer({ min: 1, max: 255 }), (at, by) => {
      const bytes = Buffer.from(text);
      bytes[at] = bytes[at]! ^ by;
      expect(() => parseRecord(bytes)).toThrow(Error);
    }),
  );
});

describe('a change', () => {
  test('is in one phase at a time, and the name of its file says in which', () => {
    expect([folder.pending(), folder.phaseOf(record.id)]).toEqual([undefined, undefined]);
    folder.begin(record);
    expect([folder.pending(), folder.phaseOf(record.id)]).toEqual([{ phase: 'changing', record }, 'changing']);
    const verified = { ...record, verifiedAtBootMs: 7 };
    folder.verified(verified);
    expect([folder.pending(), folder.phaseOf(record.id)]).toEqual([{ phase: 'unconfirmed', record: verified }, 'unconfirmed']);
    expect(folder.confirm()).toBe(true);
    expect([folder.pending(), folder.phaseOf(record.id), folder.confirmed()]).toEqual([undefined, undefined, verified]);
    expect(readdirSync(path.join(stateDir, 'policies'))).toEqual(['confirmed.json']);
  });

  test('is confirmed once, and not at all once it was put back', () => {
    folder.begin(record);
    expect(folder.confirm()).toBe(false);
    folder.verified({ ...record, verifiedAtBootMs: 7 });
    expect([folder.confirm(), folder.confirm()]).toEqual([true, false]);
    folder.begin(record);
    folder.end('changing');
    expect(folder.confirm()).toBe(false);
  });

  test('of which the record is damaged is still pending, and says what to do', () => {
    folder.begin(record);
    truncateSync(fileOf('changing'), 100);
    expect(() => folder.pending()).toThrow(/changing\.json cannot be read: .*settings and table are right, and remove it/);
    expect(folder.phaseOf(record.id)).toBe('changing');
    expect(readdirSync(path.join(stateDir, 'policies'))).toEqual(['changing.json']);
  });

  test('of a version to come is not read as one of ours', () => {
    folder.begin(record);
    writeFileSync(fileOf('changing'), readFileSync(fileOf('changing'), 'utf8').replace('"version":1', '"version":2'));
    expect(() => folder.pending()).toThrow(/it is of version 2/);
  });

  test('is confirmed on a disk without room', () => {
    folder.begin(record);
    folder.verified({ ...record, verifiedAtBootMs: 7 });
    const full = new ChangeFolder(stateDir, new Disk({ files: new FailingFiles({ fault: 'ENOSPC', lasts: true }).files }));
    expect(full.confirm()).toBe(true);
  });
});

describe('the lock', () => {
  test('has one holder, and the next when that releases it', () => {
    const other = new ChangeFolder(stateDir, new Disk());
    const release = folder.tryLock()!;
    expect(other.tryLock()).toBeUndefined();
    release();
    expect(other.tryLock()).toBeTypeOf('function');
  });

  test('is waited for, and not for ever', async () => {
    const { clock } = new ChangeStage();
    const release = folder.tryLock()!;
    await expect(folder.lock(clock)).rejects.toThrow(/Another process is changing the policy/);
    clock.onDelay = release;
    clock.onDelay = () => {
      release();
      clock.onDelay = () => undefined;
    };
    expect(await folder.lock(clock)).toBeTypeOf('function');
  });

  test('is to be had on a disk that takes nothing, once it was made', () => {
    folder.tryLock()!();
    const broken = new ChangeFolder(stateDir, new Disk({ files: new FailingFiles({ fault: 'ENOSPC', lasts: true, at: 1 }).files }));
    expect(broken.tryLock()).toBeTypeOf('function');
  });
});
