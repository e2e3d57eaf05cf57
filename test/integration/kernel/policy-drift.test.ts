import { execFileSync, spawnSync } from 'node:child_process';
import { rmSync } from 'node:fs';
import path from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { FAMILY } from '../../../agent/firewall/rules/ruleset.ts';
import { TableChangers } from '../../../agent/firewall/rules/table-changers.ts';
import { isOwnChanger } from '../../../agent/firewall/tables/nft.ts';
import { Disk } from '../../../agent/disk/disk.ts';
import { kernelHandsOf } from '../../../agent/policies/applying/kernel-hands.ts';
import { networkNamespace } from '../../../agent/policies/network-namespace.ts';
import { sparedPackets } from '../../../agent/policies/applying/spared.ts';
import { StandingPolicy } from '../../../agent/policies/standing/standing-policy.ts';
import { DriftFile } from '../../../agent/policies/standing/drift-file.ts';
import { bootClock } from '../../../agent/time/boot-clock.ts';
import type { DriftWay } from '../../../proto/model/policy/document.ts';
import { Namespace } from '../../support/namespace.ts';
import { policyOf } from '../../support/policy-changing.ts';
import { ENDS, PolicyGateway, PORTS } from '../../support/policy-gateway.ts';

const why = Namespace.why();
const LONG_MS = 60_000;
const ESTABLISHED = 'nf_conntrack_tcp_timeout_established';

const policy = (drift: DriftWay) =>
  policyOf(
    {
      drift,
      timeouts: { 'tcp.established': 3600 },
      helpers: ['ftp'],
      rules: [
        { name: 'four', match: { src: ['10.9.0.0/16'] }, limits: { perSource: 20, answer: 'reset' } },
        { name: 'six', match: { src: ['fd09::/16'] }, limits: { perSource: 20, answer: 'drop' } },
        { name: 'calls', match: { proto: 'udp', dport: [{ from: 5060, to: 5060 }] }, idleTimeoutSeconds: 180 },
      ],
    },
    'evening',
  );

describe.skipIf(why !== undefined)(`what somebody changes by hand on a gateway${why ? ` (skipped: ${why})` : ''}`, () => {
  let stage: PolicyGateway;
  let standing: StandingPolicy;
  let changers: TableChangers;
  beforeAll(async () => {
    stage = await PolicyGateway.start('ctw-drift');
  });
  beforeEach(() => {
    standing = new StandingPolicy({
      changes: stage.changes,
      folder: stage.folder,
      kernel: kernelHandsOf(),
      clock: bootClock,
      spared: async () =>
        sparedPackets({
          own: [ENDS[4].gateway, ENDS[6].gateway],
          controller: { addresses: [ENDS[4].peer, ENDS[6].peer], port: PORTS.controller },
          sshPorts: [PORTS.ssh],
        }),
      book: new DriftFile(stage.stateDir, new Disk()),
      hearChangers: () => (changers = new TableChangers({ family: FAMILY.inet, name: 'ctfleet_policy' })),
      isOwn: isOwnChanger,
      now: Date.now,
      namespace: networkNamespace,
      warn: () => undefined,
    });
  });
  afterEach(() => {
    changers.close();
    // What is foreign in it would keep the next policy from coming into force.
    nft('add table inet ctfleet_policy; delete table inet ctfleet_policy');
    rmSync(path.join(stage.stateDir, 'policies', 'drift.json'), { force: true });
  });
  afterAll(() => stage?.end());

  async function heldTo(drift: DriftWay): Promise<string> {
    await stage.changes.apply(policy(drift), LONG_MS);
    const { id } = await stage.changes.confirm({ openedAtBootMs: bootClock.bootMs() });
    await standing.start();
    expect(open()).toEqual([]);
    return id;
  }

  const open = () => standing.drift()!.open.map(({ path, process }) => (process === undefined ? path : `${path} by ${process}`));
  const past = () => standing.drift()!.past.map(({ path, process }) => (process === undefined ? path : `${path} by ${process}`));
  const listing = (): string => execFileSync('nft', ['-n', 'list', 'ruleset'], { encoding: 'utf8' });
  const setting = () => kernelHandsOf().settings()[ESTABLISHED];
  /** Runs nft as somebody would, and returns how it is named. */
  function nft(command: string): string {
    const { pid, status, stderr } = spawnSync('nft', [command], { encoding: 'utf8' });
    expect([status, stderr]).toEqual([0, '']);
    return `nft (pid ${pid})`;
  }
  const sysctl = (seconds: number): void =>
    void execFileSync('sh', ['-c', `echo ${seconds} > /proc/sys/net/netfilter/${ESTABLISHED}`], { stdio: 'pipe' });
  /** The handle of the first rule with this comment in a chain. */
  function handleOf(chain: string, comment: string): string {
    const text = execFileSync('nft', ['-a', 'list', 'chain', 'inet', 'ctfleet_policy', chain], { encoding: 'utf8' });
    return new RegExp(`"${comment}".*# handle (\\d+)`).exec(text)![1]!;
  }

  test('is left as it is, and told at the next look: a rule more, a rule less, and a setting; both families', async () => {
    await heldTo('report');
    const adder = nft('add rule inet ctfleet_policy pol_forward ip6 saddr fd66::/16 counter drop');
    await standing.look();
    expect(open()).toEqual([`table by ${adder}`]);
    const six = nft(`delete rule inet ctfleet_policy pol_limits handle ${handleOf('pol_limits', '1 six')}`);
    await standing.look();
    const four = nft(`delete rule inet ctfleet_policy pol_limits handle ${handleOf('pol_limits', '0 four')}`);
    sysctl(7200);
    await standing.look();
    expect(open()).toEqual(['timeouts.tcp.established', `rules.four by ${four}`, `rules.six by ${six}`, `table by ${adder}`]);
    expect(standing.drift()!.open[0]).toMatchObject({ wanted: '1h', actual: '2h' });
    const before = listing();
    await standing.look();
    expect([setting(), listing()]).toEqual([7200, before]);
    expect(before).toContain('fd66::/16');
  });

  test('is set again where that is decided, of the table as a whole, and the name stays with it', async () => {
    const id = await heldTo('report');
    const whole = listing();
    const adder = nft('add rule inet ctfleet_policy pol_forward ip saddr 10.66.0.0/16 counter drop');
    sysctl(7200);
    await standing.look();
    await standing.restore(id, ['timeouts.tcp.established']);
    expect([setting(), open(), past()[0]]).toEqual([3600, [`table by ${adder}`], 'timeouts.tcp.established']);
    await standing.restore(id, ['table']);
    await standing.restore(id, ['table']);
    expect([listing(), open()]).toEqual([whole, []]);
    expect(past()).toContain(`table by ${adder}`);
  });

  test('is told no more once it is ignored, until it changes again', async () => {
    const id = await heldTo('report');
    sysctl(7200);
    await standing.look();
    await standing.ignore(id, ['timeouts.tcp.established']);
    await standing.look();
    expect(standing.drift()!.open).toMatchObject([{ path: 'timeouts.tcp.established', isIgnored: true }]);
    sysctl(600);
    await standing.look();
    expect(standing.drift()!.open).toMatchObject([{ actual: '10m' }]);
    expect(standing.drift()!.open[0]).not.toHaveProperty('isIgnored');
    sysctl(3600);
    await standing.look();
  });

  const removals = (['report', 'restore'] as const).flatMap((way) =>
    ['delete table inet ctfleet_policy', 'flush ruleset'].map((command) => [command, way] as const),
  );
  test.each(removals)('by “%s” is there again at once, with who did it: %s', async (command, way) => {
    await heldTo(way);
    const table = (): string => execFileSync('nft', ['-n', 'list', 'table', 'inet', 'ctfleet_policy'], { encoding: 'utf8' });
    const whole = table();
    const process = nft(command);
    await standing.look();
    expect(table()).toBe(whole);
    expect([open(), standing.drift()!.past[0]]).toMatchObject([[], { path: 'table', wanted: 'inet ctfleet_policy', process }]);
  });

  test('is set again at the next look by a policy that says so, and told as over', async () => {
    await heldTo('restore');
    const whole = listing();
    sysctl(7200);
    const adder = nft('add rule inet ctfleet_policy pol_forward counter drop');
    await standing.look();
    expect([setting(), listing(), open()]).toEqual([3600, whole, []]);
    expect(past()).toEqual(expect.arrayContaining(['timeouts.tcp.established', `table by ${adder}`]));
  });

  test('in a table of somebody else is none of ours, also with many rules at once', async () => {
    await heldTo('report');
    const many = Array.from({ length: 2000 }, (_, n) => `add rule inet theirs c ip saddr 10.2.${n >> 8}.${n & 255} accept`);
    execFileSync('nft', ['-f', '-'], { input: ['add table inet theirs', 'add chain inet theirs c', ...many].join('\n') });
    await standing.look();
    nft('delete table inet theirs');
    await standing.look();
    expect(open()).toEqual([]);
  });
});
