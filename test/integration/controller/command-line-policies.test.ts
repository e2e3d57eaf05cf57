import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { routes } from '../../../proto/http/routes.ts';
import { FakeAgent } from '../../support/controller-fake-agent.ts';
import { makePlace, startWithOwner, workAlone } from '../../support/controller-fleet.ts';
import { runCtfleet, type ProgramRun } from '../../support/ctfleet-program.ts';
import { PolicyAgent } from '../../support/policy-agent.ts';

let stage: Awaited<ReturnType<typeof startWithOwner>>;
let agent: PolicyAgent;
let token: string;
const folder = mkdtempSync(path.join(os.tmpdir(), 'ctfleet-policies-'));
const file = path.join(folder, 'base.yaml');

beforeAll(async () => {
  stage = await startWithOwner();
  const { controller, owner } = stage;
  const { joinToken } = await makePlace(owner, 'Acme', 'gw1');
  await workAlone(owner);
  agent = new PolicyAgent(await FakeAgent.join(controller, joinToken));
  await agent.connect(controller);
  token = (await owner.call(routes.createToken, { body: { name: 'pipeline', role: 'owner' } })).secret;
});
afterAll(async () => {
  agent?.agent.disconnect();
  await stage?.controller.stop();
  await stage?.postgres.stop();
  rmSync(folder, { recursive: true });
});

function ctfleet(...args: string[]): Promise<ProgramRun> {
  return runCtfleet(args, { env: { XDG_CONFIG_HOME: folder, CTFLEET_URL: stage.controller.origin, CTFLEET_TOKEN: token } });
}

function write(spec: string): void {
  writeFileSync(file, `apiVersion: ctfleet/v1\nkind: TrackingPolicy\nmetadata: { name: base }\nspec: ${spec}\n`);
}

const saved = async () => (await stage.owner.call(routes.listPolicies)).items;

describe('policies', () => {
  it('with a mistake are refused with its place', async () => {
    write('{ timeouts: { icmpp: 10s } }');
    expect(await ctfleet('policies', 'plan', '-f', file, '--target', 'fleet')).toMatchObject({
      code: 2,
      stdout: '',
      stderr: expect.stringContaining(`${file}:4:`),
    });
  });

  it('are planned from a file, and nothing is saved', async () => {
    write('{ timeouts: { icmp: 10s } }');
    const run = await ctfleet('policies', 'plan', '-f', file, '--target', 'fleet');
    expect(run).toMatchObject({ code: 0, stdout: expect.stringMatching(/gw1 +1 change/) });
    expect(await saved()).toEqual([]);
  });

  it('are neither saved nor applied where the number is another', async () => {
    const run = await ctfleet('policies', 'apply', '-f', file, '--target', 'fleet', '--yes', '--expect', '2', '--reason', 'a trial');
    expect(run).toMatchObject({ code: 6, stderr: expect.stringContaining('nothing was touched') });
    expect(await saved()).toEqual([]);
    expect(agent.agent.commands).toEqual([]);
  });

  it('are saved, rolled out and followed until every gateway has confirmed', async () => {
    const run = await ctfleet('policies', 'apply', '-f', file, '--target', 'fleet', '--yes', '--expect', '1', '--reason', 'a trial');
    expect([run.code, run.stdout, run.stderr]).toEqual([0, expect.stringContaining('gw1: confirmed'), expect.any(String)]);
    expect(await saved()).toMatchObject([{ name: 'base', revision: 1 }]);
    expect((await ctfleet('policies', 'list', '-o', 'name')).stdout).toBe('base\n');
    expect((await ctfleet('policies', 'show', 'base')).stdout).toContain('icmp: 10s');
  });
});
