import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { spawnIn } from '../../lab/namespace.ts';
import { loneIdentity } from '../../support/lone-agent.ts';
import { Namespace } from '../../support/namespace.ts';

const MAIN = path.join(import.meta.dirname, '../../../build/agent/main.js');
/** In the range routed to an interface where packets vanish. */
const NOBODY = '198.18.0.53';
const TOKEN = `ctf1.01900000-0000-7000-8000-000000000001.secret.${'a'.repeat(43)}`;
const why = Namespace.why();

describe.skipIf(why !== undefined)(`an agent that is told to stop${why ? ` (skipped: ${why})` : ''}`, () => {
  const root = mkdtempSync(path.join(os.tmpdir(), 'ctfleet-stop-'));
  let namespace: Namespace;
  let resolver: string;

  beforeAll(() => {
    namespace = Namespace.createWithSink('ctg-stop');
    // `ip netns exec` mounts it over /etc/resolv.conf for what it starts.
    resolver = `/etc/netns/${namespace.name}`;
    mkdirSync(resolver, { recursive: true });
    writeFileSync(path.join(resolver, 'resolv.conf'), `nameserver ${NOBODY}\nnameserver 198.18.0.54\n`);
  });
  afterAll(() => {
    namespace.remove();
    for (const folder of [resolver, root]) rmSync(folder, { recursive: true, force: true });
  });

  test.each<[string, 'enrolled' | 'new', Record<string, string>]>([
    ['while the name of its controller cannot be looked up', 'enrolled', { CTFLEET_LINK_ADDRESS: 'controller.example.net:4444' }],
    ['while its controller does not answer', 'enrolled', { CTFLEET_LINK_ADDRESS: '198.18.0.1:4444' }],
    [
      'while it enrols by a name that cannot be looked up',
      'new',
      { CTFLEET_ENROL_ADDRESS: 'controller.example.net:4443', CTFLEET_JOIN_TOKEN: TOKEN },
    ],
    [
      'while it enrols with a controller that does not answer',
      'new',
      { CTFLEET_ENROL_ADDRESS: '198.18.0.1:4443', CTFLEET_JOIN_TOKEN: TOKEN },
    ],
  ])('%s exits within five seconds, and in an orderly way', async (_, kind, env) => {
    namespace.run('conntrack', '-F');
    const stateDir = mkdtempSync(path.join(root, 'state-'));
    if (kind === 'enrolled') await loneIdentity(namespace.name, stateDir);
    const agent = spawnIn(namespace.name, process.execPath, [MAIN, 'run'], {
      stdio: ['ignore', 'ignore', 'inherit'],
      env: { ...process.env, ...env, CTFLEET_STATE_DIR: stateDir, CTFLEET_LOG_LEVEL: 'silent' },
    });
    await speaks(agent);
    agent.kill('SIGTERM');
    const late = setTimeout(() => agent.kill('SIGKILL'), 5_000);
    const [code] = (await once(agent, 'exit')) as [number | null];
    clearTimeout(late);
    expect(code).toBe(0);
  });

  /** Until the agent talks to somebody who never answers. */
  async function speaks(agent: ChildProcess): Promise<void> {
    while (!namespace.run('conntrack', '-L').includes('dst=198.18.0.') && agent.exitCode === null)
      await new Promise((resolve) => setTimeout(resolve, 100));
  }
});
