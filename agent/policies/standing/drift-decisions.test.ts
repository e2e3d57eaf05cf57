import { beforeEach, describe, expect, test } from 'vitest';
import { BUSY, CALM } from '../../../test/support/policy-changing.ts';
import { StandingStage } from '../../../test/support/standing-stage.ts';

const RESTORING = { ...BUSY, spec: { ...BUSY.spec, drift: 'restore' as const } };

let stage: StandingStage;
beforeEach(() => {
  stage = new StandingStage();
});

describe('a policy that sets again what somebody changes', () => {
  test('does so at the next look, and has drift that is over', async () => {
    const wanted = await stage.confirmed(RESTORING);
    await stage.standing.start();
    Object.assign(stage.kernel.values, { nf_conntrack_acct: 0, nf_conntrack_max: 262_144 });
    stage.removeRule('guests');
    stage.touch(4711);
    await stage.look();
    expect([stage.state(), stage.open()]).toEqual([wanted, []]);
    expect(stage.past().map(([path]) => path)).toEqual(['table.max', 'accounting', 'rules.guests']);
    expect(stage.standing.drift()!.past.map(({ process }) => process)).toEqual([undefined, undefined, 'nft (pid 4711)']);
  });

  test('says once what somebody changes again and again', async () => {
    await stage.confirmed(RESTORING);
    const since = stage.clock.wallMs;
    for (let n = 0; n < 100; n++) {
      stage.kernel.values.nf_conntrack_acct = 0;
      await stage.look();
      stage.clock.pass(2000);
    }
    expect(stage.standing.drift()!.past).toMatchObject([{ path: 'accounting', since }]);
    expect(stage.warned).toEqual(['somebody has changed what the policy has set, and it is set again']);
  });

  test('goes on where a setting is refused, which is drift until it is not', async () => {
    await stage.confirmed(RESTORING);
    Object.assign(stage.kernel.values, { nf_conntrack_acct: 0, nf_conntrack_udp_timeout_stream: 9 });
    stage.kernel.onDeed = (_, what) => {
      if (what === 'nf_conntrack_udp_timeout_stream') throw new Error('EINVAL');
    };
    for (let n = 0; n < 3; n++) await stage.look();
    expect(stage.kernel.values.nf_conntrack_acct).toBe(1);
    expect([stage.open(), stage.past()]).toEqual([[['timeouts.udp.replied', '1m', '9s']], [['accounting', 'true', 'false']]]);
    expect(stage.warned.filter((message) => message === 'the policy of this gateway could not be looked after')).toHaveLength(1);
  });
});

describe('a decision', () => {
  beforeEach(async () => {
    await stage.confirmed();
    await stage.standing.start();
    Object.assign(stage.kernel.values, { nf_conntrack_acct: 0, nf_conntrack_max: 1_048_576 });
    stage.removeRule('guests');
    stage.removeRule('trunk');
    await stage.look();
  });

  test('to restore sets these values again, and no others', async () => {
    await stage.standing.restore(stage.id, ['accounting', 'rules.guests']);
    expect([stage.kernel.values.nf_conntrack_acct, stage.kernel.values.nf_conntrack_max]).toEqual([1, 1_048_576]);
    expect([stage.open().map(([path]) => path), stage.past().map(([path]) => path)]).toEqual([
      ['table.max', 'rules.trunk'],
      ['accounting', 'rules.guests'],
    ]);
    await stage.standing.restore(stage.id, ['accounting', 'rules.guests']);
    expect(stage.past()).toHaveLength(2);
  });

  test('to restore another change than the one in force, or while one is pending, does nothing', async () => {
    const before = stage.state();
    stage.deeds.length = 0;
    await stage.standing.restore('another', ['accounting']);
    expect([stage.state(), stage.deeds]).toEqual([before, []]);
    await stage.changes.apply(CALM, 60_000);
    const pending = stage.state();
    await stage.standing.restore(stage.id, ['accounting', 'rules.guests']);
    expect(stage.state()).toEqual(pending);
  });

  test('to ignore holds until the value changes again, over a start of the agent too', async () => {
    await stage.standing.ignore(stage.id, ['accounting', 'table.max']);
    await stage.standing.ignore(stage.id, ['accounting', 'table.max']);
    await stage.restart();
    const ignored = () =>
      stage.standing
        .drift()!
        .open.filter(({ isIgnored }) => isIgnored)
        .map(({ path }) => path);
    expect(ignored()).toEqual(['table.max', 'accounting']);
    stage.kernel.values.nf_conntrack_max = 2_097_152;
    await stage.look();
    expect([ignored(), stage.open()[0]]).toEqual([['accounting'], ['table.max', '524288', '2097152']]);
    stage.kernel.values.nf_conntrack_acct = 1;
    await stage.look();
    stage.kernel.values.nf_conntrack_acct = 0;
    await stage.look();
    expect(ignored()).toEqual([]);
  });

  test('to ignore what is of another change does nothing', async () => {
    await stage.standing.ignore('another', ['accounting']);
    expect(stage.standing.drift()!.open.some(({ isIgnored }) => isIgnored)).toBe(false);
  });
});
