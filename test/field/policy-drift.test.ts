import { spawnSync, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import net, { type Server } from 'node:net';
import os from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { PolicyState } from '../../proto/http/policy-states.ts';
import { routes } from '../../proto/http/routes.ts';
import { writePolicy } from '../../proto/model/policy/write.ts';
import { spawnIn } from '../lab/namespace.ts';
import { eventually, makePlace, startWithOwner, type Person, type TestController } from '../support/controller-fleet.ts';
import type { TestDatabases } from '../support/database.ts';
import { inside, Namespace } from '../support/namespace.ts';
import { policyOf } from '../support/policy-changing.ts';

const MAIN = join(import.meta.dirname, '../../build/agent/main.js');
const why = Namespace.why();
const DOCUMENT = writePolicy(
  policyOf(
    {
      timeouts: { 'udp.replied': 60 },
      rules: [{ name: 'calls', match: { proto: 'udp', dport: [{ from: 5060, to: 5060 }] }, idleTimeoutSeconds: 180 }],
    },
    'evening',
  ),
);

describe.skipIf(why !== undefined)(`drift on a real gateway${why ? ` (skipped: ${why})` : ''}`, () => {
  const stateDir = mkdtempSync(join(os.tmpdir(), 'ctfleet-drift-'));
  const doors: Server[] = [];
  let postgres: TestDatabases;
  let controller: TestController;
  let owner: Person;
  let namespace: Namespace;
  let agent: ChildProcess;
  let tenantId: string;
  let gatewayId: string;

  beforeAll(async () => {
    ({ postgres, controller, owner } = await startWithOwner());
    namespace = Namespace.create('ctg-drift');
    for (const address of [controller.enrolAddress, controller.linkAddress]) await open(Number(address.split(':')[1]));
    const place = await makePlace(owner, 'Acme', 'milano-gw1');
    ({ tenantId } = place);
    const env = {
      ...process.env,
      CTFLEET_STATE_DIR: stateDir,
      CTFLEET_ENROL_ADDRESS: controller.enrolAddress,
      CTFLEET_LINK_ADDRESS: controller.linkAddress,
      CTFLEET_JOIN_TOKEN: place.joinToken,
      CTFLEET_LOG_LEVEL: process.env.CTFLEET_TEST_LOG ?? 'silent',
    };
    agent = spawnIn(namespace.name, process.execPath, [MAIN, 'run'], { stdio: ['ignore', 'inherit', 'inherit'], env });
    await shown('it tells that no policy is in force', ({ reportedAt }) => reportedAt !== undefined);
    ({ gatewayId } = await state());
  });
  afterAll(async () => {
    if (agent?.kill('SIGKILL')) await once(agent, 'exit');
    for (const door of doors) door.close();
    await controller?.stop();
    await postgres?.stop();
    namespace?.remove();
    rmSync(stateDir, { recursive: true, force: true });
  });

  /** Has a port of the gateway's loopback lead to that of the controller. */
  async function open(port: number): Promise<void> {
    const door = net.createServer({ noDelay: true }, (near) => {
      const far = net.connect({ host: '127.0.0.1', port, noDelay: true });
      near.pipe(far).pipe(near);
      for (const [one, other] of [[near, far] as const, [far, near] as const])
        one.on('error', () => undefined).on('close', () => other.destroy());
    });
    doors.push(door);
    await inside(namespace.name, () => new Promise<void>((resolve) => void door.listen(port, '127.0.0.1', resolve)));
  }

  const state = async (): Promise<PolicyState> => (await owner.call(routes.listPolicyStates)).items[0]!;
  const shown = (what: string, fits: (state: PolicyState) => boolean): Promise<PolicyState> =>
    eventually(what, async () => {
      const now = await state();
      return now && fits(now) ? now : undefined;
    });
  const isOpen = (path: string) => (one: PolicyState) => one.drift.some((drift) => drift.path === path && drift.state === 'open');

  /** The administrator of the gateway puts the policy in force by hand. */
  function keep(): void {
    const file = join(stateDir, 'evening.yaml');
    writeFileSync(file, DOCUMENT);
    for (const words of [['apply', file], ['confirm']]) {
      const { status, stderr } = spawnSync('ip', ['netns', 'exec', namespace.name, process.execPath, MAIN, 'policy', ...words], {
        encoding: 'utf8',
        env: { ...process.env, CTFLEET_STATE_DIR: stateDir },
      });
      expect([status, stderr]).toEqual([0, '']);
    }
  }

  test('a policy that is put in force by hand is compliant where the same values are saved, whatever it is called', async () => {
    await owner.call(routes.createPolicy, {
      body: { tenantId, target: { level: 'tenant' }, document: DOCUMENT.replace('name: evening', 'name: of-acme') },
    });
    expect((await state()).compliance).toBe('outdated');
    keep();
    expect(await shown('it is compliant', ({ compliance }) => compliance === 'compliant')).toMatchObject({
      inForce: { policy: 'evening' },
    });
  });

  test('a change by hand is shown with the process that made it, and set again where somebody decides so', async () => {
    const began = Date.now();
    namespace.nft('add rule inet ctfleet_policy pol_early_in counter');
    const drifted = await shown('it has drifted', isOpen('table'));
    const [drift] = drifted.drift;
    expect([drifted.compliance, drift!.process]).toEqual(['drifted', expect.stringMatching(/^nft \(pid \d+\)$/)]);
    expect(Date.parse(drift!.since)).toBeGreaterThan(began - 10_000);
    await owner.call(routes.resolveDrift, { params: { id: gatewayId }, body: { paths: ['table'], way: 'restore' } });
    const over = await shown('it is as the policy has it', ({ compliance }) => compliance === 'compliant');
    expect(over.drift).toMatchObject([{ path: 'table', state: 'over' }]);
    expect(namespace.run('nft', 'list', 'chain', 'inet', 'ctfleet_policy', 'pol_early_in')).not.toContain('counter');
  });

  test('a setting that is changed by hand names nobody, and is told no more once it is ignored', async () => {
    namespace.sysctl('net.netfilter.nf_conntrack_udp_timeout_stream', 98);
    const { drift } = await shown('it has drifted', isOpen('timeouts.udp.replied'));
    expect(drift[0]).toMatchObject({ wanted: '1m', actual: '98s' });
    expect(drift[0]).not.toHaveProperty('process');
    await owner.call(routes.resolveDrift, { params: { id: gatewayId }, body: { paths: ['timeouts.udp.replied'], way: 'ignore' } });
    await shown('it is ignored', ({ compliance }) => compliance === 'compliant');
    namespace.sysctl('net.netfilter.nf_conntrack_udp_timeout_stream', 97);
    await shown('it differs otherwise', isOpen('timeouts.udp.replied'));
  });

  test('adopted as a policy, the gateway keeps what was changed: planned, it changes nothing', async () => {
    const adopted = await owner.call(routes.adoptPolicy, { params: { id: gatewayId } });
    expect(adopted.document).toContain('replied: 97s');
    expect(adopted.drifted).toEqual(['timeouts.udp.replied']);
    const saved = await owner.call(routes.createPolicy, {
      body: { tenantId, target: { level: 'gateway', gatewayId }, document: adopted.document },
    });
    const { gateways } = await owner.call(routes.planPolicy, { params: { id: saved.id }, body: {} });
    expect(gateways).toMatchObject([{ state: 'answered', difference: { changes: [], isReordered: false, strange: [] } }]);
  });
});
