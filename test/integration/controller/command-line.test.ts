import { mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { routes } from '../../../proto/http/routes.ts';
import { Outcome, type Command } from '../../../proto/gen/ctfleet/v1/operation.ts';
import { runCtfleet, type ProgramRun } from '../../support/ctfleet-program.ts';
import { FakeAgent, makeFlows } from '../../support/controller-fake-agent.ts';
import { eventually, makePlace, startWithOwner } from '../../support/controller-fleet.ts';

let stage: Awaited<ReturnType<typeof startWithOwner>>;
let agent: FakeAgent;
let token: string;
const home = mkdtempSync(path.join(os.tmpdir(), 'ctfleet-home-'));

beforeAll(async () => {
  stage = await startWithOwner();
  const { controller, owner } = stage;
  const { joinToken } = await makePlace(owner, 'Acme', 'milano-gw1');
  agent = await FakeAgent.join(controller, joinToken);
  agent.flows = makeFlows(30);
  await agent.connect(controller.linkAddress, {
    wans: [
      {
        name: 'WAN\u001b[31m1',
        interface: 'eth0',
        addresses: [Buffer.from([198, 51, 100, 1])],
        isUp: true,
        carriesDefaultRoute: true,
        natKinds: [],
      },
    ],
  });
  const made = await owner.call(routes.createToken, { body: { name: 'command line', role: 'operator' } });
  token = made.secret;
});
afterAll(async () => {
  agent?.disconnect();
  await stage?.controller.stop();
  await stage?.postgres.stop();
  rmSync(home, { recursive: true });
});

type Options = Partial<Parameters<typeof runCtfleet>[1]>;

function ctfleet(args: string[], { env = {}, ...options }: Options = {}): Promise<ProgramRun> {
  const ours = { XDG_CONFIG_HOME: home, CTFLEET_URL: stage.controller.origin, CTFLEET_TOKEN: token };
  return runCtfleet(args, { env: { ...ours, ...env }, ...options });
}

const ordered = (): number => agent.commands.length;
const SELECT = ['-p', 'udp', '-q', '198.51.100.1', '--site', 'hq'];

describe('signing in', () => {
  it('keeps the token where only its owner reads it, and later commands need no environment', async () => {
    const env = { CTFLEET_URL: '', CTFLEET_TOKEN: '' };
    const signedIn = await ctfleet(['login', stage.controller.origin, '--name', 'work'], { env, input: `${token}\n` });
    expect(signedIn).toMatchObject({ code: 0, stdout: '' });
    const file = path.join(home, 'ctfleet/contexts.json');
    expect(statSync(file).mode & 0o777).toBe(0o600);
    expect(JSON.parse(readFileSync(file, 'utf8'))).toEqual({
      current: 'work',
      contexts: { work: { url: stage.controller.origin, token } },
    });
    expect(await ctfleet(['whoami'], { env })).toMatchObject({ code: 0, stdout: expect.stringContaining('operator of all tenants') });
    expect(await ctfleet(['context', 'list', '-o', 'name'], { env })).toMatchObject({ code: 0, stdout: 'work\n' });
    expect(await ctfleet(['context', 'remove', 'work'], { env })).toMatchObject({ code: 0 });
    const left = await ctfleet(['whoami'], { env });
    expect(left).toMatchObject({ code: 2, stderr: expect.stringContaining('ctfleet login URL') });
  });

  it('with a token that is not good ends as a failure and keeps nothing', async () => {
    const run = await ctfleet(['login', stage.controller.origin], { input: 'ctf_wrong' });
    expect(run.code).toBe(1);
    expect(await ctfleet(['context', 'list'])).toMatchObject({ code: 3, stdout: '' });
  });
});

describe('flows list', () => {
  it('shows the flows by conntrack’s options, and the counts beside the data', async () => {
    const { code, stdout, stderr } = await ctfleet(['flows', 'list', ...SELECT, '--show-query']);
    expect(code).toBe(0);
    expect(stdout.split('\n')).toHaveLength(32);
    expect(stdout).toMatch(/^GATEWAY +PROTO +SOURCE/);
    expect(stderr).toContain('filter: proto:udp rdst:198.51.100.1');
    expect(stderr).toContain('30 flows on 1 gateway');
  });

  it('has the same in every format, and no byte that a terminal obeys', async () => {
    const json = await ctfleet(['flows', 'list', '-o', 'json', '--limit', '5']);
    expect(JSON.parse(json.stdout)).toMatchObject({ total: 30, rows: { length: 5 } });
    for (const format of ['wide', 'yaml', 'csv', 'ndjson', 'name']) {
      const { code, stdout } = await ctfleet(['flows', 'list', '-o', format], { env: { NO_COLOR: '1' } });
      expect([format, code, stdout.includes('\u001b'), stdout.length > 100]).toEqual([format, 0, false, true]);
    }
    expect((await ctfleet(['gateways', 'list'])).stdout).toContain('WAN\\u{1b}[31m1');
  });

  it('ends with 2 for what is typed wrong and 1 where the controller cannot be reached', async () => {
    expect(await ctfleet(['flows', 'list', '--filter', 'proto:udpp('])).toMatchObject({ code: 2, stdout: '' });
    expect(await ctfleet(['flows', 'list', '--site', 'hqq'])).toMatchObject({
      code: 2,
      stderr: expect.stringContaining('There is no site “hqq”'),
    });
    expect(await ctfleet(['flows', 'list', '-z'])).toMatchObject({ code: 2, stdout: '' });
    expect(await ctfleet(['flows', 'list'], { env: { CTFLEET_URL: 'http://127.0.0.1:1' } })).toMatchObject({
      code: 1,
      stderr: expect.stringContaining('cannot be reached'),
    });
  });

  it('with --watch shows it again until Ctrl-C', async () => {
    const run = await ctfleet(['flows', 'list', '-o', 'name', '--watch', '--interval', '1', '--limit', '1'], {
      until: /(milano-gw1\/1\n){2}/,
    });
    expect(run.code).toBe(130);
  });
});

describe('flows delete', () => {
  it('without a terminal needs --yes and --expect, and makes no plan before', async () => {
    for (const more of [[], ['--yes'], ['--expect', '30']])
      expect(await ctfleet(['flows', 'delete', ...SELECT, ...more])).toMatchObject({ code: 2 });
    expect(await ctfleet(['flows', 'delete', '--site', 'hq', '--yes', '--expect', '30'])).toMatchObject({
      code: 2,
      stderr: expect.stringContaining('No flows are selected'),
    });
    expect(ordered()).toBe(0);
  });

  it('touches nothing where the number is another', async () => {
    const run = await ctfleet(['flows', 'delete', ...SELECT, '--yes', '--expect', '10..29']);
    expect(run).toMatchObject({ code: 6, stdout: '', stderr: expect.stringContaining('nothing was touched') });
    expect(ordered()).toBe(0);
    expect((await ctfleet(['flushes', 'list'])).code).toBe(3);
  });

  it('shows the plan, runs it, and ends with a line for each gateway and the verified number', async () => {
    const run = await ctfleet(['flows', 'delete', ...SELECT, '--yes', '--expect', '30', '--reason', 'WAN1 failed']);
    expect(run.stderr).toContain('delete 30 flows on 1 gateway');
    expect(run.stdout).toContain('milano-gw1: verified, 30 of 30 deleted');
    expect(run.stdout).toContain('30 of 30 flows deleted and verified.');
    expect(run.code).toBe(0);
    expect(ordered()).toBe(1);
    const list = await ctfleet(['flushes', 'list', '-o', 'json']);
    expect(JSON.parse(list.stdout)).toMatchObject([{ reason: 'WAN1 failed', state: 'verified' }]);
  });

  it('ends with 4 where not all came to pass', async () => {
    const before = agent.onCommand;
    agent.onCommand = (command) =>
      agent.done(command, [
        { outcome: Outcome.OUTCOME_DELETED, count: 20 },
        { outcome: Outcome.OUTCOME_FAILED, count: 10 },
      ]);
    const run = await ctfleet(['flows', 'delete', ...SELECT, '--yes', '--expect', '30']);
    agent.onCommand = before;
    expect([run.code, run.stdout]).toEqual([4, expect.stringContaining('20 of 30')]);
  });

  it('goes on after Ctrl-C, says how to follow it, and can be followed again', async () => {
    const before = agent.onCommand;
    const arrived = Promise.withResolvers<Command>();
    agent.onCommand = (command) => void arrived.resolve(command);
    const left = await ctfleet(['flows', 'delete', ...SELECT, '--yes', '--expect', '30'], { until: arrived.promise });
    expect(left.code).toBe(130);
    const id = /ctfleet flushes watch (\S+);/.exec(left.stderr)?.[1];
    expect(id).toBeDefined();
    const command = await arrived.promise;
    const watching = ctfleet(['flushes', 'watch', id!]);
    agent.send({ $case: 'result', value: agent.done(command, [{ outcome: Outcome.OUTCOME_DELETED, count: 30 }]) });
    agent.onCommand = before;
    expect(await watching).toMatchObject({ code: 0, stdout: expect.stringContaining('30 of 30 flows deleted and verified.') });
  });
});

describe('other commands', () => {
  it('list and show what REST has', async () => {
    for (const [args, code] of [
      [['gateways', 'list'], 0],
      [['gateways', 'show', 'MILANO-GW1'], 0],
      [['sites', 'list', '--tenant', 'acme'], 0],
      [['tenants', 'list'], 0],
      [['alerts', 'list', '--state', 'all'], 3],
      [['wan-events', 'list', '--gateway', 'milano-gw1'], 3],
      [['remediations', 'list'], 3],
      [['remediations', 'runs'], 3],
      [['gateways', 'show', 'nowhere'], 2],
      [['flushes', 'show', '0190b5c4-0000-7000-8000-000000000000'], 3],
    ] as const) {
      const run = await ctfleet([...args]);
      expect([args.join(' '), run.code, run.stderr]).toEqual([args.join(' '), code, expect.any(String)]);
    }
  });

  it('are refused with 5 to whom they are not allowed', async () => {
    const made = await stage.owner.call(routes.createToken, { body: { name: 'reader', role: 'viewer' } });
    const run = await ctfleet(['flows', 'delete', ...SELECT, '--yes', '--expect', '30'], { env: { CTFLEET_TOKEN: made.secret } });
    expect(run).toMatchObject({ code: 5, stdout: '' });
  });

  it('end with 4 where a gateway is offline, and name it', async () => {
    agent.disconnect();
    const list = await eventually('the gateway is known to be offline', async () => {
      const run = await ctfleet(['flows', 'list', '-o', 'json']);
      return run.code === 0 ? undefined : run;
    });
    expect(list).toMatchObject({ code: 4, stderr: expect.stringContaining('milano-gw1: offline') });
    expect(JSON.parse(list.stdout)).toMatchObject({ gateways: [{ state: 'offline' }] });
    const run = await ctfleet(['flows', 'delete', ...SELECT, '--yes', '--expect', '0..30']);
    expect(run).toMatchObject({ code: 4, stdout: '', stderr: expect.stringContaining('nothing was touched') });
  });
});
