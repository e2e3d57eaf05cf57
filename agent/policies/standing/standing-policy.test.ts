import { beforeEach, describe, expect, test } from 'vitest';
import type { PolicyMatch } from '../../../proto/model/policy/document.ts';
import { CALM } from '../../../test/support/policy-changing.ts';
import { StandingStage } from '../../../test/support/standing-stage.ts';

let stage: StandingStage;
beforeEach(() => {
  stage = new StandingStage();
});

describe('a gateway with a confirmed policy', () => {
  test('is not touched while it is as the policy has it, and nothing differs', async () => {
    await stage.confirmed();
    await stage.standing.start();
    expect([stage.deeds, stage.warned, stage.standing.drift()]).toEqual([[], [], { changeId: stage.id, open: [], past: [], left: 0 }]);
  });

  test('keeps what somebody sets by hand, and says what differs since when, once', async () => {
    await stage.confirmed();
    stage.kernel.values.nf_conntrack_max = 1_048_576;
    const since = stage.clock.wallMs;
    for (let n = 0; n < 3; n++) {
      await stage.look();
      stage.clock.pass(2000);
    }
    expect([stage.kernel.values.nf_conntrack_max, stage.deeds]).toEqual([1_048_576, []]);
    expect(stage.standing.drift()).toMatchObject({ open: [{ path: 'table.max', wanted: '524288', actual: '1048576', since }], past: [] });
    expect(stage.warned).toEqual(['somebody has changed what the policy has set, and it is left as it is']);
  });

  test('has the table of an agent that made it otherwise replaced when it is updated, and that is no drift', async () => {
    const wanted = await stage.confirmedByOlder();
    await stage.standing.start();
    expect([stage.deeds, stage.state(), stage.open(), stage.past()]).toEqual([['replace'], wanted, [], []]);
    await stage.look();
    expect(stage.deeds).toEqual(['replace']);
  });

  test('says that a value differs otherwise now, and still since when it first did', async () => {
    await stage.confirmed();
    const since = stage.clock.wallMs;
    for (const seconds of [7200, 600]) {
      stage.kernel.values.nf_conntrack_tcp_timeout_established = seconds;
      await stage.look();
      stage.clock.pass(2000);
    }
    expect(stage.standing.drift()!.open).toMatchObject([{ path: 'timeouts.tcp.established', wanted: '1h', actual: '10m', since }]);
  });

  test('has had drift that is over once somebody sets it right again, for a day', async () => {
    await stage.confirmed();
    stage.kernel.values.nf_conntrack_acct = 0;
    await stage.look();
    stage.kernel.values.nf_conntrack_acct = 1;
    await stage.look();
    expect([stage.open(), stage.past()]).toEqual([[], [['accounting', 'true', 'false']]]);
    stage.clock.pass(86_400_001);
    await stage.look();
    expect(stage.past()).toEqual([]);
  });

  test('has its table back at once where that is gone as a whole, whatever drift is left otherwise, and says who did it', async () => {
    const wanted = await stage.confirmed();
    await stage.standing.start();
    stage.kernel.values.nf_conntrack_max = 1_048_576;
    stage.kernel.own = undefined;
    stage.touch(4711);
    await stage.look();
    expect(stage.deeds).toEqual(['replace']);
    stage.kernel.values.nf_conntrack_max = 524_288;
    expect(stage.state()).toEqual(wanted);
    expect(stage.standing.drift()!.past).toMatchObject([{ path: 'table', wanted: 'inet ctfleet_policy', process: 'nft (pid 4711)' }]);
    expect(stage.open()).toEqual([['table.max', '524288', '1048576']]);
  });

  test('keeps a rule that somebody has removed, and one that somebody has added; the names of who did it stay with what they did', async () => {
    await stage.confirmed();
    await stage.standing.start();
    stage.removeRule('guests');
    stage.touch(4711);
    await stage.look();
    stage.kernel.strange = ['in the chain pol_forward there is a rule with log'];
    stage.touch(4712, 'python3');
    await stage.look();
    await stage.look();
    expect(stage.deeds).toEqual([]);
    expect(stage.standing.drift()!.open).toMatchObject([
      { path: 'rules.guests', wanted: expect.stringContaining('"perSource":20') as unknown, process: 'nft (pid 4711)' },
      { path: 'table', actual: 'in the chain pol_forward there is a rule with log', process: 'python3 (pid 4712)' },
    ]);
    expect(stage.standing.drift()!.open[0]).not.toHaveProperty('actual');
  });

  test('does not take itself for who changed its table, nor whoever did so before it was right', async () => {
    await stage.confirmed();
    await stage.standing.start();
    stage.touch(4711);
    await stage.look();
    stage.touch(1);
    stage.kernel.strange = ['there is a map m'];
    await stage.look();
    expect(stage.standing.drift()!.open).toMatchObject([{ path: 'table', actual: 'there is a map m' }]);
    expect(stage.standing.drift()!.open[0]).not.toHaveProperty('process');
  });

  test('does not say who changed a setting, since nobody can know', async () => {
    await stage.confirmed();
    await stage.standing.start();
    stage.kernel.values.nf_conntrack_acct = 0;
    stage.touch(4711);
    await stage.look();
    expect(stage.standing.drift()!.open[0]).not.toHaveProperty('process');
  });

  test('is set as a whole after a start of its kernel, in silence, and only once', async () => {
    const wanted = await stage.confirmed();
    await stage.standing.start();
    stage.clock.id = 'boot-2';
    stage.kernel.own = undefined;
    Object.assign(stage.kernel.values, { nf_conntrack_acct: 0, nf_conntrack_max: 262_144 });
    await stage.restart();
    expect([stage.state(), stage.open(), stage.past(), stage.warned]).toEqual([wanted, [], [], []]);
    stage.kernel.values.nf_conntrack_acct = 0;
    await stage.restart();
    expect(stage.open()).toEqual([['accounting', 'true', 'false']]);
  });

  test('gets settings of a module that is loaded later once they are there', async () => {
    const wanted = await stage.confirmed();
    stage.clock.id = 'boot-2';
    const { nf_conntrack_acct: _, ...without } = stage.kernel.values;
    stage.kernel.onDeed = (_deed, what) => {
      if (what === 'nf_conntrack_acct' && !('nf_conntrack_acct' in stage.kernel.values)) throw new Error('ENOENT');
    };
    Reflect.deleteProperty(stage.kernel.values, 'nf_conntrack_acct');
    await stage.standing.start();
    expect(stage.kernel.values).toEqual(without);
    expect(stage.open()).toEqual([['accounting', 'true', undefined]]);
    stage.kernel.values.nf_conntrack_acct = 0;
    await stage.look();
    expect([stage.state(), stage.open()]).toEqual([wanted, []]);
  });

  test('remembers over a start of its agent since when something differs', async () => {
    await stage.confirmed();
    stage.kernel.values.nf_conntrack_acct = 0;
    const since = stage.clock.wallMs;
    await stage.standing.start();
    stage.clock.pass(60_000);
    await stage.restart();
    expect(stage.standing.drift()!.open).toMatchObject([{ path: 'accounting', since }]);
  });

  test('knows nothing of the drift from another policy once it is held to a new one', async () => {
    await stage.confirmed();
    stage.kernel.values.nf_conntrack_acct = 0;
    await stage.look();
    await stage.confirmed(CALM);
    await stage.look();
    expect([stage.open(), stage.standing.drift()!.changeId]).toEqual([[], stage.id]);
  });

  test('is left alone while a change is pending, and put back where nobody else has done it', async () => {
    const wanted = await stage.confirmed();
    await stage.changes.apply(CALM, 60_000);
    const changed = stage.state();
    await stage.look();
    stage.clock.pass(64_000);
    await stage.look();
    expect(stage.state()).toEqual(changed);
    stage.clock.pass(2000);
    await stage.look();
    expect(stage.state()).toEqual(wanted);
    expect(stage.warned).toEqual(['a change of the policy was not confirmed, and the gateway is as it was before']);
  });

  test('is rid of what a change has left over, without a moment in which rules are replaced', async () => {
    await stage.confirmed();
    await stage.changes.apply(CALM, 60_000);
    stage.kernel.tidyTable = () => Promise.reject(new Error('busy'));
    await stage.changes.confirm({ openedAtBootMs: stage.clock.ms });
    expect(stage.kernel.own!.limits).toHaveLength(2);
    Reflect.deleteProperty(stage.kernel, 'tidyTable');
    stage.deeds.length = 0;
    await stage.look();
    expect([stage.deeds, stage.kernel.own!.limits.length]).toEqual([['tidy'], 1]);
  });

  test('is not in the way of whoever is changing the policy', async () => {
    await stage.confirmed();
    stage.kernel.own = undefined;
    const release = stage.folder.tryLock()!;
    await stage.look();
    expect(stage.deeds).toEqual([]);
    release();
    await stage.look();
    expect(stage.deeds).toEqual(['replace']);
  });

  test('tells that drift is not known where the table cannot be read, and why', async () => {
    await stage.confirmed();
    await stage.look();
    stage.kernel.table = () => Promise.reject(new Error('nft is not there'));
    await stage.look();
    expect(stage.standing.drift()).toMatchObject({ unknown: 'nft is not there' });
    Reflect.deleteProperty(stage.kernel, 'table');
    await stage.look();
    expect(stage.standing.drift()).not.toHaveProperty('unknown');
  });
});

describe('what no rule may touch', () => {
  const elsewhere: PolicyMatch[] = [{ proto: 'tcp', dst: ['10.0.0.2'], dport: [{ from: 22, to: 22 }] }];

  test('follows the addresses that the gateway has now, and stays while its controller is not known; that is no drift', async () => {
    await stage.confirmed();
    stage.spared = undefined;
    await stage.look();
    expect(stage.deeds).toEqual([]);
    stage.spared = elsewhere;
    await stage.look();
    expect(JSON.stringify(stage.kernel.own)).toContain('10.0.0.2');
    expect([stage.deeds, stage.open(), stage.past()]).toEqual([['replace'], [], []]);
  });

  test('follows them beside a rule that somebody has removed, which stays removed', async () => {
    await stage.confirmed();
    stage.removeRule('guests');
    stage.spared = elsewhere;
    await stage.look();
    await stage.look();
    expect(JSON.stringify(stage.kernel.own)).toContain('10.0.0.2');
    expect(JSON.stringify(stage.kernel.own)).not.toContain('guests');
    expect([stage.deeds, stage.open().map(([path]) => path)]).toEqual([['replace'], ['rules.guests']]);
  });

  test('follows them at the price of what somebody else has put into the table', async () => {
    await stage.confirmed();
    stage.kernel.strange = ['there is a map m'];
    await stage.look();
    expect(stage.deeds).toEqual([]);
    stage.spared = elsewhere;
    await stage.look();
    expect([stage.deeds, stage.open(), stage.past()]).toEqual([['replace'], [], [['table', undefined, 'there is a map m']]]);
  });
});

test('an agent that starts puts back what is pending, and holds the gateway to what was confirmed before', async () => {
  const wanted = await stage.confirmed();
  await stage.changes.apply(CALM, 60_000);
  await stage.standing.start();
  expect(stage.state()).toEqual(wanted);
  expect(stage.warned).toEqual(['a change of the policy was not confirmed, and the gateway is as it was before']);
});

test('a gateway without a policy is not touched', async () => {
  await stage.standing.start();
  await stage.look();
  expect([stage.deeds, stage.warned, stage.standing.drift()]).toEqual([[], [], undefined]);
});
