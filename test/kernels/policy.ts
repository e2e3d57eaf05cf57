import assert from 'node:assert/strict';
import { execFile, spawn } from 'node:child_process';
import { globSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import type { CheckGroup, Seen } from './check.ts';

// Built, this file lies in build/test/kernels.
const AGENT = fileURLToPath(new URL('../../agent/main.js', import.meta.url));
/** On the guest's disk, which is there at its second boot too. */
const STATE_DIR = '/state/ctfleet';
const FLOWS = 20;
/** What is confirmed in the first boot, and holds in the second. */
const KEPT = { max: 50_000, buckets: 16_384, established: 3600 };
const run = promisify(execFile);

/**
 * The size of the table can be set only where the machine is the gateway, and not in a namespace: applied by the agent's own program,
 * taken back, kept, and kept over a reboot.
 */
export const policyChecks: CheckGroup = {
  checks: [
    { name: 'policy: a table size that nobody confirms is put back by its deadline', needsGuest: true, run: putBack },
    { name: 'policy: a table size that is confirmed holds, and entries survive it', needsGuest: true, run: keep },
    { name: 'policy: the machine goes down while another change waits', needsGuest: true, run: leavePending },
    { name: 'policy: at the next boot what was confirmed is set again, and only that', needsGuest: true, boot: 2, run: setAgain },
    {
      name: 'policy: under systemd a timer of its own puts back what a service set that has ended',
      needsGuest: true,
      boot: 3,
      run: byTimer,
    },
    { name: 'policy: under systemd what is confirmed stays when the timer comes', needsGuest: true, boot: 3, run: confirmedBeforeTimer },
  ],
  close: async () => undefined,
};

async function putBack(): Promise<Seen> {
  const before = sizes();
  await agent('apply', policyFile('brief', { max: 40_000, buckets: 8192, established: 1800 }), '--within', '30s');
  const inForce = sizes();
  assert.deepEqual(inForce, { max: 40_000, buckets: 8192, established: 1800 });
  await until('the old sizes', () => JSON.stringify(sizes()) === JSON.stringify(before));
  assert.equal(await ownTable(), undefined);
  return { before, inForce, after: sizes() };
}

async function keep(): Promise<Seen> {
  for (let port = 1; port <= FLOWS; port++)
    await run('conntrack', `-I -p udp -s 198.18.7.1 -d 198.18.7.2 -t 3000 --sport ${port} --dport 9`.split(' '));
  await agent('apply', policyFile('kept', KEPT), '--within', '10m');
  await agent('confirm');
  assert.deepEqual(sizes(), KEPT);
  assert.match((await ownTable()) ?? '', /ct count over 20/);
  const { stdout } = await run('conntrack', ['-C']);
  assert.equal(Number(stdout), FLOWS);
  return { ...sizes(), entries: Number(stdout) };
}

async function leavePending(): Promise<Seen> {
  await agent('apply', policyFile('pending', { max: 60_000, buckets: 32_768, established: 7200 }), '--within', '1h');
  assert.deepEqual(sizes(), { max: 60_000, buckets: 32_768, established: 7200 });
  return sizes();
}

/** Whoever starts the agent here has no controller; the policy is set before it asks for one. */
async function setAgain(): Promise<Seen> {
  const fresh = sizes();
  assert.notDeepEqual(fresh, KEPT);
  const child = spawn(process.execPath, [AGENT, 'run'], {
    env: { ...environment(), CTFLEET_ENROL_ADDRESS: '127.0.0.1:9', CTFLEET_JOIN_TOKEN: 'none' },
    stdio: ['ignore', 'inherit', 'inherit'],
  });
  try {
    await until('the sizes that were confirmed', () => JSON.stringify(sizes()) === JSON.stringify(KEPT));
    await until('the rules that were confirmed', async () => (await ownTable())?.includes('ct count over 20') ?? false);
    const shown = await agent('show');
    assert.match(shown, /kept/);
    assert.doesNotMatch(shown, /is not confirmed/);
    return { fresh, after: sizes() };
  } finally {
    child.kill('SIGKILL');
  }
}

/** As the agent's own unit does it: whatever it started ends with it. */
async function byTimer(): Promise<Seen> {
  const before = sizes();
  await applyInService(policyFile('brief', { max: 41_000, buckets: 8192, established: 1900 }));
  const inForce = sizes();
  assert.deepEqual(inForce, { max: 41_000, buckets: 8192, established: 1900 });
  const [timer] = await timers();
  assert.ok(timer, 'systemd has no timer for it');
  assert.deepEqual(watchdogs(), []);
  await until('the old sizes', () => JSON.stringify(sizes()) === JSON.stringify(before));
  assert.equal(await ownTable(), undefined);
  return { timer, inForce, after: sizes() };
}

async function confirmedBeforeTimer(): Promise<Seen> {
  const wanted = { max: 42_000, buckets: 8192, established: 2000 };
  await applyInService(policyFile('stays', wanted));
  await agent('confirm');
  await until('the end of the timer', async () => (await timers()).length === 0);
  assert.deepEqual(sizes(), wanted);
  return sizes();
}

async function applyInService(file: string): Promise<void> {
  // Without D-Bus nothing can be waited for.
  const unit = ['--collect', '--quiet', '--unit=applies', `--setenv=CTFLEET_STATE_DIR=${STATE_DIR}`, '--setenv=PATH=/usr/sbin:/usr/bin'];
  await run('systemd-run', [...unit, process.execPath, AGENT, 'policy', 'apply', file, '--within', '40s']);
  await until('the end of the service', async () => (await units('applies.service')).length === 0);
}

function timers(): Promise<string[]> {
  return units('ctfleet-policy-*.timer');
}

async function units(pattern: string): Promise<string[]> {
  const { stdout } = await run('systemctl', ['list-units', '--plain', '--no-legend', pattern]);
  return stdout.split('\n').filter((line) => line !== '');
}

function watchdogs(): string[] {
  return globSync('/proc/[0-9]*/cmdline').filter((file) => {
    try {
      return readFileSync(file, 'latin1').includes('watchdog.js');
    } catch {
      return false; // it has ended
    }
  });
}

async function agent(...words: string[]): Promise<string> {
  mkdirSync(STATE_DIR, { recursive: true });
  try {
    const { stdout } = await run(process.execPath, [AGENT, 'policy', ...words], { env: environment() });
    return stdout;
  } catch (error) {
    const { stdout, stderr } = error as { stdout: string; stderr: string };
    throw new Error(`policy ${words.join(' ')}: ${stdout}${stderr}`, { cause: error });
  }
}

function environment(): NodeJS.ProcessEnv {
  return { ...process.env, CTFLEET_STATE_DIR: STATE_DIR };
}

function policyFile(name: string, { max, buckets, established }: typeof KEPT): string {
  const file = `/tmp/${name}.yaml`;
  writeFileSync(
    file,
    `apiVersion: ctfleet/v1
kind: TrackingPolicy
metadata: { name: ${name} }
spec:
  table: { max: ${max}, buckets: ${buckets} }
  timeouts: { tcp: { established: ${established}s } }
  rules:
    - { name: guests, match: { src: 10.1.0.0/16 }, limits: { perSource: 20 } }
`,
  );
  return file;
}

function sizes(): typeof KEPT {
  const read = (name: string): number => Number(readFileSync(`/proc/sys/net/netfilter/nf_conntrack_${name}`, 'latin1'));
  return { max: read('max'), buckets: read('buckets'), established: read('tcp_timeout_established') };
}

async function ownTable(): Promise<string | undefined> {
  return run('nft', ['list', 'table', 'inet', 'ctfleet_policy']).then(
    ({ stdout }) => stdout,
    () => undefined,
  );
}

async function until(what: string, isSo: () => boolean | Promise<boolean>): Promise<void> {
  for (const end = Date.now() + 180_000; Date.now() < end; await delay(200)) if (await isSo()) return;
  throw new Error(`${what} were waited for in vain; there is ${JSON.stringify(sizes())}`);
}
