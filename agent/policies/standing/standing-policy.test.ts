import { beforeEach, describe, expect, test } from 'vitest';
import type { PolicyDocument, PolicyMatch } from '../../../proto/model/policy/document.ts';
import { BUSY, CALM, ChangeStage } from '../../../test/support/policy-changing.ts';
import type { Touch } from '../../firewall/rules/table-touches.ts';
import type { DriftBook } from './drift-book.ts';
import { StandingPolicy } from './standing-policy.ts';

const RESTORING: PolicyDocument = { ...BUSY, spec: { ...BUSY.spec, drift: 'restore' } };

let stage: ChangeStage;
let standing: StandingPolicy;
let warned: string[];
let spared: PolicyMatch[] | undefined;
/** What an earlier run of the agent has left. */
let onDisk: DriftBook | undefined;
let touches: Touch[];
let heard: number;
beforeEach(() => {
  stage = new ChangeStage();
  warned = [];
  spared = [{ proto: 'tcp', dst: ['10.0.0.1'], dport: [{ from: 22, to: 22 }] }];
  onDisk = undefined;
  touches = [];
  heard = 0;
  standing = newStanding();
});

function newStanding(): StandingPolicy {
  return new StandingPolicy({
    changes: stage.changes,
    folder: stage.folder,
    kernel: stage.kernel,
    clock: stage.clock,
    spared: async () => spared,
    book: { load: () => onDisk, keep: (book) => void (onDisk = structuredClone(book)) },
    hearChangers: () => ({
      mark: () => heard,
      forget: (upTo) => void (touches = touches.filter(({ at }) => at > upTo)),
      touches: () => touches.toReversed(),
    }),
    isOwn: (pid) => pid === 1,
    now: () => stage.clock.wallMs,
    namespace: () => stage.namespace,
    warn: (message) => warned.push(message),
  });
}

/** Somebody changes our table. */
function touch(pid: number, name = 'nft'): void {
  touches.push({ at: ++heard, pid, name });
}

async function confirmed(policy = BUSY): Promise<unknown> {
  await stage.changes.apply(policy, 60_000);
  await stage.changes.confirm({ openedAtBootMs: stage.clock.ms });
  stage.deeds.length = 0;
  return stage.state();
}

const open = () => standing.drift()!.open.map(({ path, wanted, actual }) => [path, wanted, actual]);
const past = () => standing.drift()!.past.map(({ path, wanted, actual }) => [path, wanted, actual]);
const id = () => stage.folder.confirmed()!.id;
const removeRule = (name: string): void => {
  for (const chain of stage.kernel.own!.chains) chain.rules = chain.rules.filter(({ comment }) => !comment?.endsWith(` ${name}`));
};

describe('a gateway with a confirmed policy', () => {
  test('is not touched while it is as the policy has it, and nothing differs', async () => {
    await confirmed();
    await standing.start();
    expect([stage.deeds, warned, standing.drift()]).toEqual([[], [], { changeId: id(), open: [], past: [], left: 0 }]);
  });

  test('keeps what somebody sets by hand, and says what differs since when, once', async () => {
    await confirmed();
    stage.kernel.values.nf_conntrack_max = 1_048_576;
    const since = stage.clock.wallMs;
    for (let n = 0; n < 3; n++) {
      await standing.look();
      stage.clock.pass(2000);
    }
    expect([stage.kernel.values.nf_conntrack_max, stage.deeds]).toEqual([1_048_576, []]);
    expect(standing.drift()).toMatchObject({ open: [{ path: 'table.max', wanted: '524288', actual: '1048576', since }], past: [] });
    expect(warned).toEqual(['somebody has changed what the policy has set, and it is left as it is']);
  });

  test('says that a value differs otherwise now, and still since when it first did', async () => {
    await confirmed();
    const since = stage.clock.wallMs;
    for (const seconds of [7200, 600]) {
      stage.kernel.values.nf_conntrack_tcp_timeout_established = seconds;
      await standing.look();
      stage.clock.pass(2000);
    }
    expect(standing.drift()!.open).toMatchObject([{ path: 'timeouts.tcp.established', wanted: '1h', actual: '10m', since }]);
  });

  test('has had drift that is over once somebody sets it right again, for a day', async () => {
    await confirmed();
    stage.kernel.values.nf_conntrack_acct = 0;
    await standing.look();
    stage.kernel.values.nf_conntrack_acct = 1;
    await standing.look();
    expect([open(), past()]).toEqual([[], [['accounting', 'true', 'false']]]);
    stage.clock.pass(86_400_001);
    await standing.look();
    expect(past()).toEqual([]);
  });

  test('has its table back at once where that is gone as a whole, whatever drift is left otherwise, and says who did it', async () => {
    const wanted = await confirmed();
    await standing.start();
    stage.kernel.values.nf_conntrack_max = 1_048_576;
    stage.kernel.own = undefined;
    touch(4711);
    await standing.look();
    expect(stage.deeds).toEqual(['replace']);
    stage.kernel.values.nf_conntrack_max = 524_288;
    expect(stage.state()).toEqual(wanted);
    expect(standing.drift()!.past).toMatchObject([{ path: 'table', wanted: 'inet ctfleet_policy', process: 'nft (pid 4711)' }]);
    expect(open()).toEqual([['table.max', '524288', '1048576']]);
  });

  test('keeps a rule that somebody has removed, and one that somebody has added; the names of who did it stay with what they did', async () => {
    await confirmed();
    await standing.start();
    removeRule('guests');
    touch(4711);
    await standing.look();
    stage.kernel.strange = ['in the chain pol_forward there is a rule with log'];
    touch(4712, 'python3');
    await standing.look();
    await standing.look();
    expect(stage.deeds).toEqual([]);
    expect(standing.drift()!.open).toMatchObject([
      { path: 'rules.guests', wanted: expect.stringContaining('"perSource":20') as unknown, process: 'nft (pid 4711)' },
      { path: 'table', actual: 'in the chain pol_forward there is a rule with log', process: 'python3 (pid 4712)' },
    ]);
    expect(standing.drift()!.open[0]).not.toHaveProperty('actual');
  });

  test('does not take itself for who changed its table, nor whoever did so before it was right', async () => {
    await confirmed();
    await standing.start();
    touch(4711);
    await standing.look();
    touch(1);
    stage.kernel.strange = ['there is a map m'];
    await standing.look();
    expect(standing.drift()!.open).toMatchObject([{ path: 'table', actual: 'there is a map m' }]);
    expect(standing.drift()!.open[0]).not.toHaveProperty('process');
  });

  test('does not say who changed a setting, since nobody can know', async () => {
    await confirmed();
    await standing.start();
    stage.kernel.values.nf_conntrack_acct = 0;
    touch(4711);
    await standing.look();
    expect(standing.drift()!.open[0]).not.toHaveProperty('process');
  });

  test('is set as a whole after a start of its kernel, in silence, and only once', async () => {
    const wanted = await confirmed();
    await standing.start();
    stage.clock.id = 'boot-2';
    stage.kernel.own = undefined;
    Object.assign(stage.kernel.values, { nf_conntrack_acct: 0, nf_conntrack_max: 262_144 });
    standing = newStanding();
    await standing.start();
    expect([stage.state(), open(), past(), warned]).toEqual([wanted, [], [], []]);
    stage.kernel.values.nf_conntrack_acct = 0;
    standing = newStanding();
    await standing.start();
    expect(open()).toEqual([['accounting', 'true', 'false']]);
  });

  test('gets settings of a module that is loaded later once they are there', async () => {
    const wanted = await confirmed();
    stage.clock.id = 'boot-2';
    const { nf_conntrack_acct: _, ...without } = stage.kernel.values;
    stage.kernel.onDeed = (_deed, what) => {
      if (what === 'nf_conntrack_acct' && !('nf_conntrack_acct' in stage.kernel.values)) throw new Error('ENOENT');
    };
    Reflect.deleteProperty(stage.kernel.values, 'nf_conntrack_acct');
    await standing.start();
    expect(stage.kernel.values).toEqual(without);
    expect(open()).toEqual([['accounting', 'true', undefined]]);
    stage.kernel.values.nf_conntrack_acct = 0;
    await standing.look();
    expect([stage.state(), open()]).toEqual([wanted, []]);
  });

  test('remembers over a start of its agent since when something differs', async () => {
    await confirmed();
    stage.kernel.values.nf_conntrack_acct = 0;
    const since = stage.clock.wallMs;
    await standing.start();
    stage.clock.pass(60_000);
    standing = newStanding();
    await standing.start();
    expect(standing.drift()!.open).toMatchObject([{ path: 'accounting', since }]);
  });

  test('knows nothing of the drift from another policy once it is held to a new one', async () => {
    await confirmed();
    stage.kernel.values.nf_conntrack_acct = 0;
    await standing.look();
    await confirmed(CALM);
    await standing.look();
    expect([open(), standing.drift()!.changeId]).toEqual([[], id()]);
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

  test('tells that drift is not known where the table cannot be read, and why', async () => {
    await confirmed();
    await standing.look();
    stage.kernel.table = () => Promise.reject(new Error('nft is not there'));
    await standing.look();
    expect(standing.drift()).toMatchObject({ unknown: 'nft is not there' });
    Reflect.deleteProperty(stage.kernel, 'table');
    await standing.look();
    expect(standing.drift()).not.toHaveProperty('unknown');
  });
});

describe('what no rule may touch', () => {
  const elsewhere: PolicyMatch[] = [{ proto: 'tcp', dst: ['10.0.0.2'], dport: [{ from: 22, to: 22 }] }];

  test('follows the addresses that the gateway has now, and stays while its controller is not known; that is no drift', async () => {
    await confirmed();
    spared = undefined;
    await standing.look();
    expect(stage.deeds).toEqual([]);
    spared = elsewhere;
    await standing.look();
    expect(JSON.stringify(stage.kernel.own)).toContain('10.0.0.2');
    expect([stage.deeds, open(), past()]).toEqual([['replace'], [], []]);
  });

  test('follows them beside a rule that somebody has removed, which stays removed', async () => {
    await confirmed();
    removeRule('guests');
    spared = elsewhere;
    await standing.look();
    await standing.look();
    expect(JSON.stringify(stage.kernel.own)).toContain('10.0.0.2');
    expect(JSON.stringify(stage.kernel.own)).not.toContain('guests');
    expect([stage.deeds, open().map(([path]) => path)]).toEqual([['replace'], ['rules.guests']]);
  });

  test('follows them at the price of what somebody else has put into the table', async () => {
    await confirmed();
    stage.kernel.strange = ['there is a map m'];
    await standing.look();
    expect(stage.deeds).toEqual([]);
    spared = elsewhere;
    await standing.look();
    expect([stage.deeds, open(), past()]).toEqual([['replace'], [], [['table', undefined, 'there is a map m']]]);
  });
});

describe('a policy that sets again what somebody changes', () => {
  test('does so at the next look, and has drift that is over', async () => {
    const wanted = await confirmed(RESTORING);
    await standing.start();
    Object.assign(stage.kernel.values, { nf_conntrack_acct: 0, nf_conntrack_max: 262_144 });
    removeRule('guests');
    touch(4711);
    await standing.look();
    expect([stage.state(), open()]).toEqual([wanted, []]);
    expect(past().map(([path]) => path)).toEqual(['table.max', 'accounting', 'rules.guests']);
    expect(standing.drift()!.past.map(({ process }) => process)).toEqual([undefined, undefined, 'nft (pid 4711)']);
  });

  test('says once what somebody changes again and again', async () => {
    await confirmed(RESTORING);
    const since = stage.clock.wallMs;
    for (let n = 0; n < 100; n++) {
      stage.kernel.values.nf_conntrack_acct = 0;
      await standing.look();
      stage.clock.pass(2000);
    }
    expect(standing.drift()!.past).toMatchObject([{ path: 'accounting', since }]);
    expect(warned).toEqual(['somebody has changed what the policy has set, and it is set again']);
  });

  test('goes on where a setting is refused, which is drift until it is not', async () => {
    await confirmed(RESTORING);
    Object.assign(stage.kernel.values, { nf_conntrack_acct: 0, nf_conntrack_udp_timeout_stream: 9 });
    stage.kernel.onDeed = (_, what) => {
      if (what === 'nf_conntrack_udp_timeout_stream') throw new Error('EINVAL');
    };
    for (let n = 0; n < 3; n++) await standing.look();
    expect(stage.kernel.values.nf_conntrack_acct).toBe(1);
    expect([open(), past()]).toEqual([[['timeouts.udp.replied', '1m', '9s']], [['accounting', 'true', 'false']]]);
    expect(warned.filter((message) => message === 'the policy of this gateway could not be looked after')).toHaveLength(1);
  });
});

describe('a decision', () => {
  beforeEach(async () => {
    await confirmed();
    await standing.start();
    Object.assign(stage.kernel.values, { nf_conntrack_acct: 0, nf_conntrack_max: 1_048_576 });
    removeRule('guests');
    removeRule('trunk');
    await standing.look();
  });

  test('to restore sets these values again, and no others', async () => {
    await standing.restore(id(), ['accounting', 'rules.guests']);
    expect([stage.kernel.values.nf_conntrack_acct, stage.kernel.values.nf_conntrack_max]).toEqual([1, 1_048_576]);
    expect([open().map(([path]) => path), past().map(([path]) => path)]).toEqual([
      ['table.max', 'rules.trunk'],
      ['accounting', 'rules.guests'],
    ]);
    await standing.restore(id(), ['accounting', 'rules.guests']);
    expect(past()).toHaveLength(2);
  });

  test('to restore another change than the one in force, or while one is pending, does nothing', async () => {
    const before = stage.state();
    stage.deeds.length = 0;
    await standing.restore('another', ['accounting']);
    expect([stage.state(), stage.deeds]).toEqual([before, []]);
    await stage.changes.apply(CALM, 60_000);
    const pending = stage.state();
    await standing.restore(id(), ['accounting', 'rules.guests']);
    expect(stage.state()).toEqual(pending);
  });

  test('to ignore holds until the value changes again, over a start of the agent too', async () => {
    await standing.ignore(id(), ['accounting', 'table.max']);
    await standing.ignore(id(), ['accounting', 'table.max']);
    standing = newStanding();
    await standing.start();
    const ignored = () =>
      standing
        .drift()!
        .open.filter(({ isIgnored }) => isIgnored)
        .map(({ path }) => path);
    expect(ignored()).toEqual(['table.max', 'accounting']);
    stage.kernel.values.nf_conntrack_max = 2_097_152;
    await standing.look();
    expect([ignored(), open()[0]]).toEqual([['accounting'], ['table.max', '524288', '2097152']]);
    stage.kernel.values.nf_conntrack_acct = 1;
    await standing.look();
    stage.kernel.values.nf_conntrack_acct = 0;
    await standing.look();
    expect(ignored()).toEqual([]);
  });

  test('to ignore what is of another change does nothing', async () => {
    await standing.ignore('another', ['accounting']);
    expect(standing.drift()!.open.some(({ isIgnored }) => isIgnored)).toBe(false);
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
  expect([stage.deeds, warned, standing.drift()]).toEqual([[], [], undefined]);
});
