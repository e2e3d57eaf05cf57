import { spawnSync, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { writePolicy } from '../../../proto/model/policy/write.ts';
import { processesOf, stateOf, type GatewayState } from '../../faults/policies/gateway-state.ts';
import { spawnIn } from '../../lab/namespace.ts';
import { createEntries } from '../../support/create-entries.ts';
import { loneIdentity } from '../../support/lone-agent.ts';
import { Namespace } from '../../support/namespace.ts';
import { policyOf } from '../../support/policy-changing.ts';
import { entryOf } from '../../support/sample-entries.ts';
import { until } from '../../support/until.ts';

const MAIN = path.join(import.meta.dirname, '../../../build/agent/main.js');
const why = Namespace.why();
const POLICY = policyOf(
  {
    table: { max: 1000 },
    timeouts: { 'udp.replied': 60 },
    rules: [
      { name: 'trunk', match: { proto: 'udp', dport: [{ from: 5060, to: 5060 }] }, idleTimeoutSeconds: 180 },
      { name: 'multicast', match: { dst: ['224.0.0.0/4'] }, mode: 'off' },
    ],
  },
  'evening',
);

describe.skipIf(why !== undefined)(`a policy by hand${why ? ` (skipped: ${why})` : ''}`, () => {
  let namespace: Namespace;
  let stateDir: string;
  let file: string;
  let before: GatewayState;
  const agents: ChildProcess[] = [];

  beforeAll(() => {
    namespace = Namespace.create('ctg-by-hand');
  });
  beforeEach(() => {
    stateDir = mkdtempSync(path.join(os.tmpdir(), 'ctfleet-by-hand-'));
    file = path.join(stateDir, 'evening.yaml');
    writeFileSync(file, writePolicy(POLICY));
    before = stateOf(namespace);
  });
  afterEach(async () => {
    for (const agent of agents.splice(0)) if (agent.kill('SIGKILL')) await once(agent, 'exit');
    for (const pid of processesOf(stateDir)) process.kill(pid, 'SIGKILL');
    rmSync(stateDir, { recursive: true, force: true });
    namespace.nft('add table inet ctfleet_policy; delete table inet ctfleet_policy');
    namespace.sysctl('net.netfilter.nf_conntrack_udp_timeout_stream', 120);
  });
  afterAll(() => namespace?.remove());

  /** What `main.js policy …` prints, and whether it succeeded. */
  function policy(...args: string[]): { status: number | null; said: string } {
    const { status, stdout, stderr } = spawnSync('ip', ['netns', 'exec', namespace.name, process.execPath, MAIN, 'policy', ...args], {
      encoding: 'utf8',
      env: { ...process.env, CTFLEET_STATE_DIR: stateDir, CTFLEET_LOG_LEVEL: 'silent' },
    });
    return { status, said: stdout + stderr };
  }

  async function startAgent(): Promise<ChildProcess> {
    await loneIdentity('by-hand', stateDir);
    const env = { ...process.env, CTFLEET_STATE_DIR: stateDir, CTFLEET_LOG_LEVEL: 'warn' };
    const agent = spawnIn(namespace.name, process.execPath, [MAIN, 'run'], { stdio: ['ignore', 'pipe', 'inherit'], env });
    agents.push(agent);
    return agent;
  }

  test('is planned without a change, applied, shown and put back', () => {
    const planned = policy('plan', file);
    expect(planned.said).toContain('nf_conntrack_udp_timeout_stream: 120 → 60 (timeouts.udp.replied)');
    expect(planned.said).toMatch(/Refused, and left as it is:\n {2}table\.max: .*one value for the whole machine/);
    expect(planned.said).toContain('rule multicast: new');
    expect([stateOf(namespace), policy('show').said]).toEqual([before, 'No policy is kept here.\n']);

    const applied = policy('apply', file, '--within', '1m');
    expect(applied).toMatchObject({
      status: 0,
      said: expect.stringMatching(/is in force, for 1m: until .*keep it with: {2}node .*main\.js policy confirm/s),
    });
    expect(stateOf(namespace)).not.toEqual(before);
    expect(policy('show').said).toMatch(/^Policy evening is not confirmed; it is put back at /);
    expect(policy('apply', file)).toEqual({
      status: 1,
      said: 'ctfleet-agent: Policy evening is not confirmed yet. Confirm it or put it back first.\n',
    });

    expect(policy('restore')).toMatchObject({ status: 0, said: expect.stringContaining('is as it was before') });
    expect(stateOf(namespace)).toEqual(before);
    expect(policy('confirm')).toEqual({ status: 1, said: 'ctfleet-agent: There is no policy to confirm.\n' });
  });

  test('is planned with what it does to the flows that are there, each named that is stopped', () => {
    const leave = namespace.enter();
    try {
      createEntries(
        [443, 80].map((dport) =>
          entryOf({ proto: 6, orig: { src: '10.9.9.1', dst: '10.9.9.2', sport: 40_000, dport }, state: 'ESTABLISHED' }),
        ),
      );
    } finally {
      leave();
    }
    const tight = policyOf({
      rules: [{ name: 'rest', match: { proto: 'tcp', dport: [{ from: 80, to: 80 }] }, mode: 'deny', answer: 'drop' }],
    });
    writeFileSync(file, writePolicy(tight));
    const { said } = policy('plan', file);
    expect(said).toContain(
      'Flows that are there now:\n  1 are stopped (rules.rest). It denies them: their packets are dropped from then on, both ways.\n' +
        'Those that are stopped:\n  tcp 10.9.9.1:40000 > 10.9.9.2:80 ESTABLISHED\n',
    );
    namespace.run('conntrack', '-F');
  });

  test('that was confirmed, and says so, is kept by an agent: over its start, and whatever else is loaded or set', async () => {
    writeFileSync(file, writePolicy({ ...POLICY, spec: { ...POLICY.spec, drift: 'restore' } }));
    policy('apply', file);
    expect(policy('confirm')).toMatchObject({ status: 0, said: expect.stringContaining('Policy evening is kept') });
    expect(policy('show').said).toContain(readFileSync(file, 'utf8').trim());
    const places = policy('show', '--for', 'systemd').said;
    expect(places).toContain('/etc/sysctl.d/60-ctfleet-policy.conf, mode 0644:\nnet.netfilter.');
    expect(places).toContain('  systemctl enable --now ctfleet-policy.service');
    const kept = stateOf(namespace);
    namespace.nft('delete table inet ctfleet_policy');
    namespace.sysctl('net.netfilter.nf_conntrack_udp_timeout_stream', 99);
    const agent = await startAgent();
    let log = '';
    agent.stdout!.on('data', (text: Buffer) => (log += text.toString()));
    await until('the policy at the start', () => (stateOf(namespace).policy && stateOf(namespace).settings === kept.settings) || undefined);
    namespace.nft('flush ruleset');
    namespace.sysctl('net.netfilter.nf_conntrack_udp_timeout_stream', 98);
    await until('the policy again', () => (stateOf(namespace).policy && stateOf(namespace).settings === kept.settings) || undefined);
    expect(stateOf(namespace).policy).toContain('chain pol_off');
    await until('what is said of it', () => log.includes('"actual":"98s"') || undefined);
    expect(policy('show').said).toMatch(/by hand within the last day.*:\n(?: {2}.*\n)* {2}timeouts\.udp\.replied: 1m → 98s, since /);
  });

  test('that was confirmed is left as somebody has changed it, and shown with who did it; its table is back where all of it is gone', async () => {
    policy('apply', file);
    policy('confirm');
    const { settings } = stateOf(namespace);
    await startAgent();
    await until('a look of the agent', () => existsSync(path.join(stateDir, 'policies', 'drift.json')) || undefined);
    namespace.nft('add rule inet ctfleet_policy pol_off counter');
    namespace.sysctl('net.netfilter.nf_conntrack_udp_timeout_stream', 98);
    const shown = await until('what is shown of it', () => {
      const { said } = policy('show');
      return said.includes('timeouts.udp.replied') && said.includes('table: ') ? said : undefined;
    });
    expect(shown).toMatch(/^Changed by hand, and left as it is:\n {2}timeouts\.udp\.replied: 1m → 98s, since [-\d]+ [:\d]+\n/m);
    expect(shown).toMatch(/^ {2}table: not there → .*counter.*, since [-\d]+ [:\d]+ by nft \(pid \d+\)$/m);
    expect(stateOf(namespace).settings).not.toBe(settings);
    namespace.nft('flush ruleset');
    await until('the table again', () => stateOf(namespace).policy?.includes('chain pol_off') || undefined);
    expect(stateOf(namespace).settings).not.toBe(settings);
    expect(policy('show').said).toMatch(/^ {2}table: inet ctfleet_policy → not there, since [-\d]+ [:\d]+ by nft \(pid \d+\)$/m);
  });

  test('that nobody has confirmed is put back by an agent that starts', async () => {
    policy('apply', file, '--within', '30m');
    expect(stateOf(namespace)).not.toEqual(before);
    await startAgent();
    await until('what was there before', () => (stateOf(namespace).policy === before.policy ? true : undefined));
    await until('the end of the dead-man', () => (processesOf(stateDir).length === 0 ? true : undefined));
    expect([stateOf(namespace), policy('show').said]).toEqual([
      before,
      expect.stringMatching(/^The last change, policy evening: restored at .* The agent has started before it was confirmed\./),
    ]);
  });

  test.each([
    [['apply', 'FILE', '--within', '5s'], /--within takes a duration from 10s to 60m/],
    [['apply', 'FILE', '--within'], /--within takes a duration/],
    [['apply'], /The file of the policy is missing/],
    [['plan', '/nowhere.yaml'], /nowhere\.yaml cannot be read: ENOENT/],
    [['show', 'more'], /“more” is too much/],
    [['show', '--for', 'plan9'], /--for takes systemd, openwrt, vyos/],
    [['show', '--for', 'vyos'], /No policy is kept here/],
    [['undo'], /There is no command “policy undo”\. Use it as: policy show \[--for systemd\|openwrt\|vyos\] \| plan FILE/],
  ])('refuses what it does not understand, with the cure: %j', (args, said) => {
    const { status, said: words } = policy(...args.map((word) => (word === 'FILE' ? file : word)));
    expect([status, words]).toEqual([1, expect.stringMatching(said)]);
  });

  test('lists every problem of a document with its place, and sets nothing', () => {
    writeFileSync(
      file,
      'apiVersion: ctfleet/v1\nkind: TrackingPolicy\nmetadata: { name: x }\nspec:\n  timeouts: { icmp: 30 }\n  rules: 7\n',
    );
    const { status, said } = policy('apply', file);
    expect([status, said.split('\n').length, stateOf(namespace)]).toEqual([1, 3, before]);
    expect(said).toMatch(/evening\.yaml:5:\d+: spec\.timeouts\.icmp: 30 has no unit; write 30s/);
  });
});
