/**
 * What a console and Prometheus cost over many gateways: a real controller and Postgres, gateways and their moving samples written by SQL.
 *   npm run bench -- overview [--gateways 1000,10000] [--seconds 30] [--browser] [--json]
 * With `--browser`, also the time from navigation to the first figures in Chromium; it needs the built console (npm run build).
 */
import { spawn, spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { request } from '../../client/request.ts';
import { sessionCookie } from '../../client/sign-in.ts';
import { freePort } from '../../tools/free-port.ts';
import { openTestDatabases } from '../support/database.ts';
import { until } from '../support/until.ts';
import { FleetInSql } from './overview-fleet.ts';

const { values: options } = parseArgs({
  options: {
    json: { type: 'boolean' },
    browser: { type: 'boolean' },
    gateways: { type: 'string', default: '1000,10000' },
    seconds: { type: 'string', default: '30' },
    /** Of another checkout, to compare with. */
    build: { type: 'string', default: path.join(import.meta.dirname, '../../build') },
  },
});
/** `size` gateways: what is measured, its target where there is one, and whether it is met. */
interface Row {
  name: string;
  size: number;
  ours: number;
  unit: string;
  target?: number;
}
const [EMAIL, PASSWORD] = ['owner@example.net', 'a password of a bench'];
const MB = 1024 * 1024;
const databases = await openTestDatabases();
let isMet = true;
try {
  for (const size of options.gateways.split(',').map(Number)) await trial(size);
} finally {
  await databases.stop();
}
process.exit(isMet ? 0 : 1);

function report({ name, size, ours, unit, target }: Row): void {
  const ok = target === undefined || ours <= target;
  isMet &&= ok;
  const rounded = Math.round(ours * 10) / 10;
  const judged = target === undefined ? '' : `, at most ${target}: ${ok ? 'met' : 'NOT MET'}`;
  if (options.json)
    console.log(
      JSON.stringify({
        bench: 'overview',
        name: `${name}, ${unit}`,
        size,
        ours: rounded,
        theirs: null,
        ratio: null,
        target: target ?? null,
        ok,
      }),
    );
  else console.log(`${String(size).padStart(6)} gateways  ${name.padEnd(44)} ${rounded} ${unit}${judged}`);
}

async function trial(size: number): Promise<void> {
  const isLarge = size > 1000;
  const url = await databases.newDatabase();
  const fleet = await FleetInSql.make(databases.ownerUrl(url), size);
  const controller = await startController(url);
  const say = (name: string, ours: number, unit: string, target?: number): void => report({ name, size, ours, unit, target });
  try {
    const ready = performance.now();
    await controller.get('/api/v1/overview');
    say('first overview after the start', performance.now() - ready, 'ms');
    say('resident with the fleet in memory', controller.residentMb(), 'MB');
    say('overview', await best(() => controller.get('/api/v1/overview')), 'ms');
    say('list of 100', await best(() => controller.get('/api/v1/gateways?limit=100&order=place')), 'ms');
    await measureScrape('/metrics');
    await fleet.hear();
    fleet.move();
    const seconds = Number(options.seconds);
    const stream = await controller.stream('/api/v1/events?watch=overview', seconds * 1000);
    say('stream: first state', stream.firstMs, 'ms', 1500);
    say('stream: first state', stream.firstBytes / 1000, 'KB');
    say('stream, steady', stream.bytesASecond / 1000, 'KB/s', 100);
    say('controller, CPU while samples move', stream.cpuShare * 100, '% of a core');
    say('samples stored meanwhile', fleet.moved / seconds, 'a second');
    await measureScrape('/metrics while samples move');
    if (options.browser) {
      const { firstFigures } = await import('./overview-browser.ts');
      say(
        'Chromium: navigation to first figures',
        await firstFigures(controller.origin, controller.cookie, `overview-${size}`),
        'ms',
        1500,
      );
    }
  } finally {
    await controller.stop();
    await fleet.end();
  }

  async function measureScrape(name: string): Promise<void> {
    const before = controller.residentMb();
    const { ms, cpuMs, bytes, mostMb } = await controller.scrape();
    say(name, ms, 'ms', isLarge ? 3000 : 500);
    say(name, cpuMs, 'ms of CPU');
    say(name, bytes / MB, 'MB of text');
    say(`${name}, memory while it is made`, mostMb - before, 'MB', 150);
  }
}

async function best(ask: () => Promise<unknown>): Promise<number> {
  let least = Infinity;
  for (let run = 0; run < 5; run++) {
    const began = performance.now();
    await ask();
    least = Math.min(least, performance.now() - began);
  }
  return least;
}

async function startController(url: string) {
  const stateDir = mkdtempSync(path.join(os.tmpdir(), 'ctfleet-bench-'));
  const [apiPort, enrolPort, linkPort] = [await freePort(), await freePort(), await freePort()];
  const env = {
    ...process.env,
    CTFLEET_DATABASE_URL: url,
    CTFLEET_API_PORT: String(apiPort),
    CTFLEET_ENROL_PORT: String(enrolPort),
    CTFLEET_LINK_PORT: String(linkPort),
    CTFLEET_LINK_HOST: '127.0.0.1',
    CTFLEET_STATE_DIR: stateDir,
    CTFLEET_LOG_LEVEL: 'silent',
    CTFLEET_BOOTSTRAP_PASSWORD: PASSWORD,
  };
  const program = (name: string): string => path.join(options.build, 'controller', name);
  const made = spawnSync(process.execPath, [program('bootstrap.js'), '--email', EMAIL, '--name', 'Owner'], { env, encoding: 'utf8' });
  if (made.status !== 0) throw new Error(made.stderr);
  const child = spawn(process.execPath, [program('main.js')], { env, stdio: ['ignore', 'ignore', 'inherit'] });
  const origin = `http://127.0.0.1:${apiPort}`;
  const cookie = await until('the controller takes a sign-in', async () => {
    const body = { email: EMAIL, password: PASSWORD };
    const response = await request({ origin, headers: {} }, '/api/auth/sign-in/email', { method: 'POST', body }).catch(() => undefined);
    return response?.ok ? sessionCookie(response) : undefined;
  });
  const ask = (where: string, signal?: AbortSignal) => fetch(`${origin}${where}`, { headers: { cookie, accept: '*/*' }, signal });
  const read = (file: string): string => readFileSync(`/proc/${child.pid}/${file}`, 'utf8');
  const residentMb = (): number => Number(/VmRSS:\s+(\d+)/.exec(read('status'))![1]) / 1024;
  const cpuMs = (): number => {
    const fields = read('stat')
      .replace(/^.*\) /, '')
      .split(' ');
    return (Number(fields[11]) + Number(fields[12])) * 10;
  };
  return {
    origin,
    cookie,
    residentMb,
    async get(where: string): Promise<unknown> {
      const response = await ask(where);
      if (!response.ok) throw new Error(`${where} answered ${response.status}: ${await response.text()}`);
      return response.json();
    },
    async stream(where: string, forMs: number) {
      const began = performance.now();
      const stop = new AbortController();
      const response = await ask(where, stop.signal);
      let [bytes, firstBytes, firstMs, cpu] = [0, 0, 0, 0];
      const decoder = new TextDecoder();
      let text = '';
      const end = setTimeout(() => stop.abort(), forMs);
      try {
        for await (const chunk of response.body!) {
          bytes += chunk.byteLength;
          if (firstMs === 0) text += decoder.decode(chunk, { stream: true });
          if (firstMs === 0 && text.includes('"heartbeat"')) [firstMs, firstBytes, cpu] = [performance.now() - began, bytes, cpuMs()];
        }
      } catch {
        clearTimeout(end);
      }
      const steadyMs = performance.now() - began - firstMs;
      return { firstMs, firstBytes, bytesASecond: ((bytes - firstBytes) / steadyMs) * 1000, cpuShare: (cpuMs() - cpu) / steadyMs };
    },
    async scrape() {
      const [began, cpu] = [performance.now(), cpuMs()];
      let mostMb = residentMb();
      const watch = setInterval(() => (mostMb = Math.max(mostMb, residentMb())), 5);
      const response = await ask('/metrics');
      let bytes = 0;
      for await (const chunk of response.body!) bytes += chunk.byteLength;
      clearInterval(watch);
      if (!response.ok) throw new Error(`/metrics answered ${response.status}`);
      return { ms: performance.now() - began, cpuMs: cpuMs() - cpu, bytes, mostMb };
    },
    async stop(): Promise<void> {
      const ended = new Promise((resolve) => child.once('exit', resolve));
      child.kill('SIGTERM');
      await ended;
      rmSync(stateDir, { recursive: true, force: true });
    },
  };
}
