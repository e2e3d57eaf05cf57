import { spawnSync } from 'node:child_process';
import { cpSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { bundleAgent } from '../../../tools/package/bundle.ts';
import { sha256 } from '../../../tools/package/inventory.ts';
import { findProgram } from '../../../tools/system.ts';
import { ROOT, STATE } from '../../../tools/set-up.ts';
import { Namespace } from '../../support/namespace.ts';

const why = Namespace.why();

describe.skipIf(why !== undefined)(`the agent as it is packaged${why ? ` (skipped: ${why})` : ''}`, () => {
  let folder: string;
  let gateway: Namespace;

  beforeAll(async () => {
    folder = mkdtempSync(path.join(STATE, 'packaged-'));
    await bundleAgent(path.join(folder, 'lib'));
    // What a package has beside the bundle: nothing else of this checkout may be needed.
    for (const name of ['koffi', '@koromix'])
      cpSync(path.join(ROOT, 'node_modules', name), path.join(folder, 'lib/node_modules', name), { recursive: true });
    gateway = Namespace.create('ctf-packaged');
    gateway.run('conntrack', '-I', '-p', 'udp', '-s', '10.9.0.1', '-d', '10.9.0.2', '--sport', '1000', '--dport', '5060', '-t', '600');
  });
  afterAll(() => {
    gateway?.remove();
    rmSync(folder, { recursive: true, force: true });
  });

  const ask = (...words: string[]) =>
    spawnSync('ip', ['netns', 'exec', gateway.name, process.execPath, path.join(folder, 'lib/main.js'), ...words], {
      encoding: 'utf8',
      cwd: '/',
      env: { PATH: process.env.PATH, CTFLEET_STATE_DIR: path.join(folder, 'state'), CTFLEET_GUARD_FILE: path.join(folder, 'guard.yaml') },
    });

  it('lists the flows of its machine by conntrack’s own options, in words and as JSON', () => {
    const { stdout, stderr, status } = ask('flows', '-p', 'udp', '--dport', '5060', '--json');
    expect([status, stderr]).toEqual([0, '']);
    expect(JSON.parse(stdout)).toMatchObject({ total: 1, flows: [{ orig: { src: '10.9.0.1', dst: '10.9.0.2', dport: 5060 } }] });
    expect(ask('flows', '-p', 'udp', '-d', '10.9.0.2').stdout).toContain('1 of 1 flows.');
    expect(ask('flows', '-p', 'tcp').stdout).toContain('0 of 1 flows.');
  });

  it('says who it is, that it is not enrolled, and what it does not understand, each with its exit code', () => {
    expect(ask('version').stdout).toMatch(/^ctfleet-agent \d+\.\d+\.\d+/);
    expect(ask('leave', '--yes').status).toBe(3);
    expect(ask('flows', '--nonsense')).toMatchObject({ status: 2, stderr: expect.stringContaining('--nonsense') });
    expect(ask('enroll')).toMatchObject({ status: 2, stderr: expect.stringContaining('did you mean “enrol”?') });
  });

  it('is the same bytes when it is bundled again', async () => {
    const again = path.join(folder, 'again');
    await bundleAgent(again);
    const sums = (where: string) =>
      readdirSync(where, { withFileTypes: true })
        .filter((entry) => entry.isFile())
        .map(({ name }) => [name, sha256(readFileSync(path.join(where, name)))]);
    expect(sums(again)).toEqual(sums(path.join(folder, 'lib')));
  });
});

describe('the unit of the service', () => {
  const unit = readFileSync(path.join(ROOT, 'tools/package/files/ctfleet-agent.service'), 'utf8');
  const value = (name: string) => new RegExp(`^${name}=(.*)$`, 'm').exec(unit)?.[1];

  it('has the two capabilities that the table and probes need, a user of its own, and may gain nothing', () => {
    expect([value('AmbientCapabilities'), value('CapabilityBoundingSet')]).toEqual(
      Array.from({ length: 2 }, () => 'CAP_NET_ADMIN CAP_NET_RAW'),
    );
    expect([value('User'), value('NoNewPrivileges'), value('ProtectSystem'), value('ProtectHome')]).toEqual([
      'ctfleet-agent',
      'yes',
      'strict',
      'yes',
    ]);
  });

  it('leaves what puts an unconfirmed policy back alone when it stops, and is started again whatever ends it', () => {
    expect([value('KillMode'), value('Restart'), value('Type')]).toEqual(['process', 'always', 'notify']);
  });

  it.skipIf(!findProgram('systemd-analyze'))('is exposed to at most 2.0 by systemd’s own judgement, in tenths', () => {
    const file = path.join(ROOT, 'tools/package/files/ctfleet-agent.service');
    const { stdout, status } = spawnSync('systemd-analyze', ['security', '--offline=yes', '--threshold=20', file], { encoding: 'utf8' });
    expect([status, stdout]).toEqual([0, expect.stringContaining('CapabilityBoundingSet')]);
  });
});
