import { beforeEach, describe, expect, test } from 'vitest';
import type { PolicyMatch } from '../../../proto/model/policy/document.ts';
import { BUSY, CALM, ChangeStage } from '../../../test/support/policy-changing.ts';
import { StandingPolicy } from './standing-policy.ts';

let stage: ChangeStage;
let standing: StandingPolicy;
let warned: string[];
let spared: PolicyMatch[] | undefined;
beforeEach(() => {
  stage = new ChangeStage();
  warned = [];
  spared = [{ proto: 'tcp', dst: ['10.0.0.1'], dport: [{ from: 22, to: 22 }] }];
  standing = new StandingPolicy({
    changes: stage.changes,
    folder: stage.folder,
    kernel: stage.kernel,
    clock: stage.clock,
    spared: async () => spared,
    warn: (message) => warned.push(message),
  });
});

async function confirmed(policy = BUSY): Promise<unknown> {
  await stage.changes.apply(policy, 60_000);
  await stage.changes.confirm({ openedAtBootMs: stage.clock.ms });
  stage.deeds.length = 0;
  return stage.state();
}

describe('a gateway with a confirmed policy', () => {
  test('is held to it from the start of the agent on, and is not touched while it is so', async () => {
    const wanted = await confirmed();
    await standing.start();
    expect([stage.deeds, warned]).toEqual([[], []]);
    Object.assign(stage.kernel.values, { nf_conntrack_acct: 0, nf_conntrack_max: 262_144 });
    stage.kernel.own = undefined;
    await standing.look();
    expect(stage.state()).toEqual(wanted);
  });

  test('says once what somebody has changed, however often', async () => {
    await confirmed();
    for (let n = 0; n < 5; n++) {
      stage.kernel.values.nf_conntrack_acct = 0;
      stage.kernel.own = undefined;
      await standing.look();
    }
    expect(warned).toEqual([
      'a setting was not as the policy has it, and is set again',
      'the table of the policy was not as it should be, and is put back',
    ]);
  });

  test('is left alone while a change is pending, and put back where nobody else has done it', async () => {
    const wanted = await confirmed();
    await stage.changes.apply(CALM, 60_000);
    const changed = stage.state();
    await standing.look();
    stage.clock.pass(64_000);
    await standing.look();
    expect(stage.state()).toEqual(changed);
    stage.clock.pass(2000);
    await standing.look();
    expect(stage.state()).toEqual(wanted);
    expect(warned).toEqual(['a change of the policy was not confirmed, and the gateway is as it was before']);
  });

  test('is rid of what a change has left over, without a moment in which rules are replaced', async () => {
    await confirmed();
    await stage.changes.apply(CALM, 60_000);
    stage.kernel.tidyTable = () => Promise.reject(new Error('busy'));
    await stage.changes.confirm({ openedAtBootMs: stage.clock.ms });
    expect(stage.kernel.own!.limits).toHaveLength(2);
    Reflect.deleteProperty(stage.kernel, 'tidyTable');
    stage.deeds.length = 0;
    await standing.look();
    expect([stage.deeds, stage.kernel.own!.limits.length]).toEqual([['tidy'], 1]);
  });

  test('spares the addresses that it has now, and those of before while its controller is not known', async () => {
    await confirmed();
    spared = undefined;
    await standing.look();
    expect(stage.deeds).toEqual([]);
    spared = [{ proto: 'tcp', dst: ['10.0.0.2'], dport: [{ from: 22, to: 22 }] }];
    await standing.look();
    expect(JSON.stringify(stage.kernel.own)).toContain('10.0.0.2');
    expect(stage.deeds).toEqual(['replace']);
  });

  test('is not in the way of whoever is changing the policy', async () => {
    await confirmed();
    stage.kernel.own = undefined;
    const release = stage.folder.tryLock()!;
    await standing.look();
    expect(stage.deeds).toEqual([]);
    release();
    await standing.look();
    expect(stage.deeds).toEqual(['replace']);
  });

  test('goes on where a setting is refused, and says that once', async () => {
    await confirmed();
    Object.assign(stage.kernel.values, { nf_conntrack_acct: 0, nf_conntrack_udp_timeout_stream: 9 });
    stage.kernel.onDeed = (_, what) => {
      if (what === 'nf_conntrack_udp_timeout_stream') throw new Error('EINVAL');
    };
    for (let n = 0; n < 3; n++) await standing.look();
    expect(stage.kernel.values.nf_conntrack_acct).toBe(1);
    expect(warned.filter((message) => message === 'the policy of this gateway could not be looked after')).toHaveLength(1);
  });
});

test('an agent that starts puts back what is pending, and holds the gateway to what was confirmed before', async () => {
  const wanted = await confirmed();
  await stage.changes.apply(CALM, 60_000);
  await standing.start();
  expect(stage.state()).toEqual(wanted);
  expect(warned).toEqual(['a change of the policy was not confirmed, and the gateway is as it was before']);
});

test('a gateway without a policy is not touched', async () => {
  await standing.start();
  await standing.look();
  expect([stage.deeds, warned]).toEqual([[], []]);
});
