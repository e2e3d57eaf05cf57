import { readdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { FailingFiles, type Fault } from '../../../test/support/failing-files.ts';
import type { GatewayPlan } from './policy-changes.ts';
import { BUSY, CALM, ChangeStage, newFolder, policyOf } from '../../../test/support/policy-changing.ts';

const WITHIN_MS = 60_000;

describe('a policy that is applied', () => {
  test('is on disk first, then the dead-man waits, and then the kernel is changed', async () => {
    const stage = new ChangeStage();
    await stage.changes.apply(BUSY, WITHIN_MS);
    expect(stage.deeds).toEqual([
      'dead-man',
      'set nf_conntrack_buckets',
      'set nf_conntrack_max',
      'set nf_conntrack_tcp_timeout_established',
      'set nf_conntrack_udp_timeout_stream',
      'set nf_conntrack_acct',
      'replace',
    ]);
    expect(stage.folder.pending()).toMatchObject({ phase: 'unconfirmed', record: { policy: 'busy' } });
  });

  test('has its record on the disk, and not only in the memory of the kernel, before its dead-man is started', async () => {
    const { files, changes } = new FailingFiles();
    const stage = new ChangeStage({ files });
    const written = (): string[] => changes.filter((name) => name !== 'openSync' && name !== 'mkdirSync');
    let before: string[] = [];
    stage.onDeadMan = () => {
      before = written();
    };
    await stage.changes.apply(BUSY, WITHIN_MS);
    expect(before).toEqual(['writeSync', 'fsyncSync', 'renameSync', 'fsyncSync']);
  });

  test('has its deadline by the clock that nobody sets', async () => {
    const stage = new ChangeStage();
    const { record } = await stage.changes.apply(BUSY, WITHIN_MS);
    expect(record.deadlineBootMs).toBe(stage.clock.ms + WITHIN_MS);
  });

  test('is not begun where its dead-man cannot be started', async () => {
    const stage = new ChangeStage();
    const was = stage.state();
    stage.onDeadMan = () => {
      throw new Error('no memory');
    };
    await expect(stage.changes.apply(BUSY, WITHIN_MS)).rejects.toThrow(/not in force, and everything is as it was: no memory/);
    expect([stage.state(), stage.folder.pending(), stage.deeds]).toEqual([was, undefined, ['dead-man']]);
  });

  test('is taken back at once wherever the kernel refuses a step', async () => {
    for (let failAt = 0; failAt < 6; failAt++) {
      const stage = new ChangeStage();
      const was = stage.state();
      let deeds = 0;
      stage.kernel.onDeed = () => {
        if (deeds++ === failAt) throw new Error('EINVAL');
      };
      await expect(stage.changes.apply(BUSY, WITHIN_MS)).rejects.toThrow(/everything is as it was: EINVAL/);
      expect([stage.state(), stage.folder.pending()]).toEqual([was, undefined]);
    }
  });

  test('says so where it cannot be taken back either, and leaves that to the dead-man', async () => {
    const stage = new ChangeStage();
    stage.kernel.onDeed = (deed) => {
      if (deed === 'replace') stage.kernel.set = () => void fail();
      if (deed === 'replace') fail();
    };
    const fail = (): never => {
      throw new Error('EPERM');
    };
    await expect(stage.changes.apply(BUSY, WITHIN_MS)).rejects.toThrow(/Not everything could be put back: EPERM; .* is 1 instead of 0/);
    expect(stage.folder.pending()?.phase).toBe('changing');
    expect(stage.watched).toHaveLength(1);
  });

  test('is the only one until it is confirmed or put back', async () => {
    const stage = new ChangeStage();
    await stage.changes.apply(BUSY, WITHIN_MS);
    await expect(stage.changes.apply(CALM, WITHIN_MS)).rejects.toThrow(/busy is not confirmed yet/);
    await stage.changes.restore('by hand');
    await stage.changes.apply(CALM, WITHIN_MS);
  });

  test('is what was planned, or nothing', async () => {
    const stage = new ChangeStage();
    const { changes } = await stage.changes.plan(BUSY);
    stage.kernel.values.nf_conntrack_udp_timeout_stream = 99;
    const asPlanned = ({ changes: { digest } }: Pick<GatewayPlan, 'changes'>): void => expect(digest).toBe(changes.digest);
    await expect(stage.changes.apply(BUSY, WITHIN_MS, { check: asPlanned })).rejects.toThrow(/to be/);
    expect(stage.deeds).toEqual([]);
    stage.kernel.values.nf_conntrack_udp_timeout_stream = 120;
    await stage.changes.apply(BUSY, WITHIN_MS, { check: asPlanned });
  });
});

describe('on a disk that fails', () => {
  const FAULTS: readonly Fault[] = ['EIO', 'ENOSPC', 'EROFS', 'short write', 'fsync', 'rename'];

  test('nothing is changed without a whole record, and what fails later is taken back or left to the dead-man', async () => {
    const healthy = new FailingFiles();
    await new ChangeStage({ files: healthy.files }).changes.apply(BUSY, WITHIN_MS);
    let refusals = 0;
    for (const fault of FAULTS)
      for (const at of healthy.placesOf(fault))
        for (const lasts of [false, true]) {
          const failing = new FailingFiles({ fault, at, lasts });
          const stage = new ChangeStage({ files: failing.files, stateDir: newFolder() });
          const was = stage.state();
          const error = await stage.changes.apply(BUSY, WITHIN_MS).catch((thrown: Error) => thrown);
          const isPending = readdirSync(stage.stateDir).includes('policies') && stage.folder.pending() !== undefined;
          if (!(error instanceof Error)) {
            expect([stage.state() !== was, isPending]).toEqual([true, true]);
            continue;
          }
          refusals++;
          expect({ fault, at, lasts, state: stage.state() }).toEqual({ fault, at, lasts, state: was });
          if (!stage.deeds.includes('dead-man')) expect(stage.deeds).toEqual([]);
          // A record that could not be removed is in nobody's way: everything is as it was.
          if (isPending && !lasts) await stage.changes.apply(BUSY, WITHIN_MS);
        }
    expect(refusals).toBeGreaterThan(20);
  });

  test('a record that cannot be read lets nothing begin', async () => {
    const stage = new ChangeStage();
    await stage.changes.apply(BUSY, WITHIN_MS);
    writeFileSync(path.join(stage.stateDir, 'policies/unconfirmed.json'), '{}');
    stage.deeds.length = 0;
    for (const attempt of [
      () => stage.changes.apply(CALM, WITHIN_MS),
      () => stage.changes.confirm({ openedAtBootMs: stage.clock.ms }),
      () => stage.changes.restore('by hand'),
    ])
      await expect(attempt()).rejects.toThrow(/unconfirmed\.json cannot be read/);
    expect(stage.deeds).toEqual([]);
  });
});

describe('a confirmation', () => {
  test('keeps the policy, and does away with what was kept for the way back', async () => {
    const stage = new ChangeStage();
    for (const policy of [BUSY, CALM, policyOf({})]) {
      const { plan } = await stage.changes.apply(policy, WITHIN_MS);
      await stage.changes.confirm({ openedAtBootMs: stage.clock.ms });
      expect(stage.kernel.own).toEqual(plan.changes.table?.to);
      expect(stage.folder.confirmed()?.policy).toBe(policy.metadata.name);
    }
  });

  test('by what began before the change was in force does not count, nor a second one, nor one that is late', async () => {
    const stage = new ChangeStage();
    await expect(stage.changes.confirm({ openedAtBootMs: stage.clock.ms })).rejects.toThrow(/There is no policy to confirm/);
    await stage.changes.apply(BUSY, WITHIN_MS);
    await expect(stage.changes.confirm({ openedAtBootMs: stage.clock.ms - 1 })).rejects.toThrow(/connect again/);
    await stage.changes.confirm({ openedAtBootMs: stage.clock.ms });
    await expect(stage.changes.confirm({ openedAtBootMs: stage.clock.ms })).rejects.toThrow(/There is no policy to confirm/);
    await stage.changes.apply(CALM, WITHIN_MS);
    stage.clock.pass(WITHIN_MS);
    await expect(stage.changes.confirm({ openedAtBootMs: stage.clock.ms })).rejects.toThrow(/time is over/);
  });
});

test('of confirmation, administrator and starting agent, one decides, and the gateway is as that one says', async () => {
  await fc.assert(
    fc.asyncProperty(fc.scheduler(), fc.shuffledSubarray(['confirm', 'restore', 'settle'] as const), async (scheduler, acts) => {
      const stage = new ChangeStage();
      const was = stage.state();
      await stage.changes.apply(BUSY, WITHIN_MS);
      const applied = stage.state();
      const act = {
        confirm: (): Promise<unknown> => stage.changes.confirm({ openedAtBootMs: stage.clock.ms }),
        restore: (): Promise<unknown> => stage.changes.restore('by hand'),
        settle: (): Promise<unknown> => stage.changes.settle('agent'),
      };
      const done = await Promise.all(
        acts
          .map((name) =>
            scheduler
              .schedule(Promise.resolve(name))
              .then(() => act[name]())
              .catch(() => undefined),
          )
          .concat(scheduler.waitAll() as Promise<undefined>),
      );
      expect(done.filter((one) => one !== undefined)).toHaveLength(acts.length > 0 ? 1 : 0);
      const isConfirmed = stage.folder.confirmed() !== undefined;
      expect(stage.state()).toEqual(isConfirmed || acts.length === 0 ? applied : was);
    }),
    { numRuns: 60 },
  );
});

describe('what is pending when somebody comes', () => {
  test('is put back before the next change, where the program that set it has died over it', async () => {
    const stage = new ChangeStage();
    const was = stage.state();
    const { record } = await stage.changes.apply(BUSY, WITHIN_MS);
    stage.folder.end('unconfirmed');
    stage.folder.begin(record);
    await stage.changes.apply(CALM, WITHIN_MS);
    await stage.changes.restore('by hand');
    expect(stage.state()).toEqual(was);
  });

  test('is put back by an agent that starts', async () => {
    const stage = new ChangeStage();
    const was = stage.state();
    expect(await stage.changes.settle('The agent has started.')).toBeUndefined();
    await stage.changes.apply(BUSY, WITHIN_MS);
    expect(await stage.changes.settle('The agent has started.')).toMatchObject({ outcome: 'restored', why: 'The agent has started.' });
    expect(stage.state()).toEqual(was);
  });

  test('is only forgotten where the gateway has started since', async () => {
    const stage = new ChangeStage();
    await stage.changes.apply(BUSY, WITHIN_MS);
    stage.clock.id = 'boot-2';
    stage.deeds.length = 0;
    await expect(stage.changes.restore('by hand')).rejects.toThrow(/no policy to put back/);
    expect(await stage.changes.settle('')).toMatchObject({ outcome: 'gone' });
    expect([stage.deeds, stage.folder.pending()]).toEqual([[], undefined]);
  });

  test('in another network namespace is left to its dead-man, and forgotten once that must have acted', async () => {
    const stage = new ChangeStage();
    await stage.changes.apply(BUSY, WITHIN_MS);
    stage.namespace = 'net:[2]';
    stage.deeds.length = 0;
    expect(await stage.changes.settle('')).toBeUndefined();
    await expect(stage.changes.restore('by hand')).rejects.toThrow(/another network namespace/);
    await expect(stage.changes.apply(CALM, WITHIN_MS)).rejects.toThrow(/not confirmed yet/);
    stage.clock.pass(WITHIN_MS + 5001);
    expect(await stage.changes.settle('')).toMatchObject({ outcome: 'gone' });
    expect([stage.deeds, stage.folder.pending()]).toEqual([[], undefined]);
  });
});
