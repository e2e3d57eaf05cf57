import { spawn, type ChildProcess } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import { createServer } from 'node:net';
import os from 'node:os';
import path from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { ROOT } from '../../tools/set-up.ts';
import { listNamespaces } from '../lab/namespace.ts';
import { until } from '../support/system.ts';

interface Demo {
  consoleUrl: string;
  apiUrl: string;
  grpcAddress: string;
  operator: { email: string; password: string };
  apiToken: string;
  gateways: { id: string; name: string; kind: string; netns: string; wans: unknown[] }[];
}

const folder = mkdtempSync(path.join(os.tmpdir(), 'ctfleet-start-'));
const demoFile = path.join(folder, 'demo.json');
afterAll(() => rmSync(folder, { recursive: true, force: true }));

function start(...args: string[]): { child: ChildProcess; ready: Promise<string>; output: () => string; ended: Promise<number | null> } {
  const child = spawn('npm', ['start', '--silent', '--', '--gateways', '1', '--no-traffic', ...args], {
    cwd: ROOT,
    env: { ...process.env, CTFLEET_DEMO_DIR: folder },
    stdio: ['ignore', 'pipe', 'pipe'],
    detached: true,
  });
  let output = '';
  const ended = new Promise<number | null>((resolve) => child.once('exit', resolve));
  const ready = new Promise<string>((resolve, reject) => {
    child.stdout!.on('data', (text: Buffer) => {
      output += text.toString();
      const line = output.split('\n').find((one) => one.startsWith('ctfleet ready: '));
      if (line) resolve(line);
    });
    child.stderr!.on('data', (text: Buffer) => (output += text.toString()));
    void ended.then((code) => reject(new Error(`npm start ended with ${code}:\n${output}`)));
  });
  ready.catch(() => undefined);
  return { child, ready, ended, output: () => output };
}

/** Every process of this demo, however it was re-parented: all inherit the variable. */
function processes(): number[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name) && Number(name) !== process.pid)
    .filter((name) => {
      try {
        return (
          readFileSync(`/proc/${name}/environ`, 'utf8').split('\0').includes(`CTFLEET_DEMO_DIR=${folder}`) &&
          !/^\d+ \(.*\) Z/s.test(readFileSync(`/proc/${name}/stat`, 'utf8'))
        );
      } catch {
        return false;
      }
    })
    .map(Number);
}

async function expectNothingLeft(demo: Demo, timeoutMs = 20_000): Promise<void> {
  await until('every process is gone', () => processes().length === 0 || undefined, timeoutMs);
  expect(listNamespaces()).not.toContain(demo.gateways[0]!.netns);
  for (const port of [new URL(demo.consoleUrl).port, new URL(demo.apiUrl).port, demo.grpcAddress.split(':').at(-1)!]) {
    await new Promise<void>((resolve, reject) => {
      const server = createServer();
      server.once('error', reject);
      server.listen(Number(port), '127.0.0.1', () => server.close(() => resolve()));
    });
  }
}

const readDemo = () => JSON.parse(readFileSync(demoFile, 'utf8')) as Demo;

describe('npm start', () => {
  it('prints one line when the fleet is ready, writes demo.json for scripts, and Ctrl-C removes all of it', async () => {
    const { child, ready, ended } = start();
    const line = await ready;
    const demo = readDemo();
    expect(line).toContain(demo.consoleUrl);
    expect(line).toContain(demo.operator.email);
    expect(line).toContain(demo.operator.password);
    expect(statSync(demoFile).mode & 0o777).toBe(0o600);
    expect(demo.gateways).toMatchObject([
      {
        name: 'milano-gw1',
        kind: 'kernel',
        wans: [
          { name: 'wan1', address: '198.18.0.12' },
          { name: 'wan2', address: '198.19.0.12' },
        ],
      },
    ]);
    const me = await fetch(`${demo.apiUrl}/api/v1/me`, { headers: { authorization: `Bearer ${demo.apiToken}` } });
    expect(me.status).toBe(200);
    expect((await fetch(`${demo.consoleUrl}/sign-in`)).status).toBe(200);
    // What a terminal does on Ctrl-C: it signals the whole foreground group.
    process.kill(-child.pid!, 'SIGINT');
    await ended;
    await expectNothingLeft(demo);
    expect(existsSync(demoFile)).toBe(false);
  });

  it('stops everything on an interrupt that only npm receives, as from a supervisor', async () => {
    const { child, ready, ended } = start();
    await ready;
    const demo = readDemo();
    process.kill(child.pid!, 'SIGINT');
    await ended;
    await expectNothingLeft(demo, 10_000);
    expect(existsSync(demoFile)).toBe(false);
  });

  it('leaves nothing behind when its parent is killed, and starts again from what is there', async () => {
    const { child, ready, ended } = start();
    await ready;
    const demo = readDemo();
    process.kill(child.pid!, 'SIGKILL');
    await ended;
    await expectNothingLeft(demo);
  });

  it('leaves nothing behind when all of our supervising processes are killed at once', async () => {
    const { ready, ended } = start();
    await ready;
    const demo = readDemo();
    for (const pid of processes()) {
      const command = readFileSync(`/proc/${pid}/cmdline`, 'utf8');
      if (/tools\/(run\.mjs|start\.ts)/.test(command)) process.kill(pid, 'SIGKILL');
    }
    await ended;
    await expectNothingLeft(demo);
  });

  it('says which port is in use and changes nothing', async () => {
    const server = createServer();
    const port = await new Promise<number>((resolve) =>
      server.listen(0, '127.0.0.1', () => resolve((server.address() as { port: number }).port)),
    );
    const { ended, output } = start('--port', String(port));
    expect(await ended).toBe(1);
    expect(output()).toContain(`Port ${port} is in use`);
    server.close();
    expect(processes()).toEqual([]);
  });

  it('names an invalid flag', async () => {
    const { ended, output } = start('--simulated', 'many');
    expect(await ended).toBe(1);
    expect(output()).toContain('--simulated takes a whole number');
  });
});
