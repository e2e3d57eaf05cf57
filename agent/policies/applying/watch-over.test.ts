import { writeFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { BUSY, ChangeStage } from '../../../test/support/policy-changing.ts';
import type { ChangeRecord } from './change-record.ts';
import { watchOver } from './watch-over.ts';

const WITHIN_MS = 60_000;

interface Watched {
  stage: ChangeStage;
  record: ChangeRecord;
  was: unknown;
  killed: number[];
  watch: (isHurried?: () => boolean) => Promise<void>;
}

/** A change in force, and the dead-man that was started with it. */
async function changed(): Promise<Watched> {
  const stage = new ChangeStage();
  const was = stage.state();
  const { record } = await stage.changes.apply(BUSY, WITHIN_MS);
  const killed: number[] = [];
  const { folder, kernel, clock } = stage;
  const watch = (isHurried?: () => boolean): Promise<void> =>
    watchOver(stage.watched[0]!, {
      folder,
      kernel,
      clock,
      now: () => clock.wallMs,
      killChanger: () => void killed.push(clock.ms - record.deadlineBootMs),
      ...(isHurried && { isHurried }),
    });
  return { stage, record, was, killed, watch };
}

describe('the dead-man', () => {
  test('puts everything back at the deadline, and not before', async () => {
    const { stage, record, was, watch } = await changed();
    stage.clock.onDelay = () => {
      if (stage.clock.ms < record.deadlineBootMs) expect(stage.state()).not.toEqual(was);
    };
    await watch();
    expect(stage.state()).toEqual(was);
    expect(stage.clock.ms).toBe(record.deadlineBootMs);
    expect(stage.folder.pending()).toBeUndefined();
    expect(stage.folder.lastOutcome()).toMatchObject({ id: record.id, outcome: 'restored', why: 'It was not confirmed in time.' });
  });

  test('does not care for a clock that somebody sets', async () => {
    for (const stepMs of [-172_800_000, 172_800_000]) {
      const { stage, record, was, watch } = await changed();
      stage.clock.wallMs += stepMs;
      await watch();
      expect([stage.state(), stage.clock.ms]).toEqual([was, record.deadlineBootMs]);
    }
  });

  test('acts at once where the gateway was suspended beyond the deadline', async () => {
    const { stage, was, watch } = await changed();
    const suspendedMs = stage.clock.ms + 3_600_000;
    stage.clock.onDelay = () => {
      if (stage.clock.ms < suspendedMs) stage.clock.ms = suspendedMs;
    };
    await watch();
    expect([stage.state(), stage.clock.ms]).toEqual([was, suspendedMs]);
  });

  test('leaves a change that was confirmed, or put back and followed by another', async () => {
    const { stage, watch } = await changed();
    await stage.changes.confirm({ openedAtBootMs: stage.clock.ms });
    const now = stage.state();
    await watch();
    expect(stage.state()).toEqual(now);

    const second = await changed();
    await second.stage.changes.restore('by hand');
    await second.stage.changes.apply(BUSY, WITHIN_MS * 2);
    const later = second.stage.state();
    second.stage.clock.pass(WITHIN_MS);
    await second.watch();
    expect(second.stage.state()).toEqual(later);
  });

  test('does not take back what was confirmed between its look and its turn', async () => {
    const { stage, watch } = await changed();
    const now = stage.state();
    const lock = stage.folder.tryLock.bind(stage.folder);
    stage.folder.tryLock = () => {
      stage.folder.confirm();
      return lock();
    };
    await watch();
    expect(stage.state()).toEqual(now);
  });

  test('puts back at once what a program has left half done that died over it', async () => {
    const { stage, record, was, watch } = await changed();
    stage.folder.end('unconfirmed');
    stage.folder.begin(record);
    stage.kernel.values.nf_conntrack_acct = 0;
    await watch();
    expect(stage.state()).toEqual(was);
    expect(stage.clock.ms).toBeLessThan(record.deadlineBootMs);
    expect(stage.folder.lastOutcome()?.why).toBe('The program that set it ended before it was in force.');
  });

  test('ends a program that still carries the change out after the deadline, and then puts back', async () => {
    const { stage, record, was, killed, watch } = await changed();
    stage.folder.end('unconfirmed');
    stage.folder.begin(record);
    const release = stage.folder.tryLock()!;
    let isHeld = true;
    stage.clock.onDelay = () => {
      if (killed.length > 0 && isHeld) release();
      if (killed.length > 0) isHeld = false;
    };
    await watch();
    expect(stage.state()).toEqual(was);
    expect(killed[0]).toBeGreaterThanOrEqual(1000);
    expect(stage.clock.ms - record.deadlineBootMs).toBeLessThan(5000);
  });

  test('waits for no lock for more than some seconds', async () => {
    const { stage, record, was, killed, watch } = await changed();
    stage.folder.tryLock();
    await watch();
    expect([stage.state(), killed]).toEqual([was, []]);
    expect(stage.clock.ms - record.deadlineBootMs).toBeLessThan(5000);
  });

  test('tries again for as long as the kernel refuses', async () => {
    const { stage, was, watch } = await changed();
    let refusals = 200;
    stage.kernel.onDeed = () => {
      if (refusals-- > 0) throw new Error('refused');
    };
    await watch();
    expect([stage.state(), stage.folder.pending()]).toEqual([was, undefined]);
  });

  test('restores from what it was started with where the record is damaged meanwhile', async () => {
    const { stage, record, was, watch } = await changed();
    stage.folder.end('unconfirmed');
    stage.folder.begin({ ...record, changes: { ...record.changes, settings: [] } });
    writeFileSync(`${stage.stateDir}/policies/changing.json`, 'damaged');
    await watch();
    expect(stage.state()).toEqual(was);
  });

  test('puts back at once when it is told to', async () => {
    const { stage, record, was, watch } = await changed();
    let looks = 0;
    await watch(() => ++looks > 3);
    expect(stage.state()).toEqual(was);
    expect(stage.clock.ms).toBeLessThan(record.deadlineBootMs);
  });
});
