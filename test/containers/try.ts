// node test/containers/try.ts: the compose file as a newcomer uses it, from `up` to data that outlives `down`. Images must be built.
// COMPOSE is the command (`docker compose`). It makes a project of its own and removes it, volumes included.
import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { createSocket } from 'node:dgram';
import { keepScreenshot, launchChromium, signIn as signInByConsole } from '../support/browser.ts';

const [command, ...options] = (process.env.COMPOSE ?? 'docker compose').split(' ') as [string, ...string[]];
const STACK = ['postgres', 'redis', 'migrate', 'controller', 'web'];
const CONSOLE = 'http://localhost:3000';
const OPERATOR = { email: 'first@example.com', password: randomBytes(12).toString('hex') };
/** Services are named at each `up`, so that the profile of the agent may stay on. */
const env: NodeJS.ProcessEnv = {
  ...process.env,
  COMPOSE_PROFILES: 'agent',
  CTFLEET_POSTGRES_PASSWORD: randomBytes(16).toString('hex'),
  CTFLEET_DATABASE_PASSWORD: randomBytes(16).toString('hex'),
};
let cookie = '';

type Json = Record<string, unknown>;
interface Gateway {
  id: string;
  state: string;
  since: string;
  usage?: { count: number; at: string };
}
interface Page<T> {
  items: T[];
}

try {
  await story();
} catch (error) {
  spawnSync(command, [...options, '-p', 'ctfleet-try', 'logs'], { env, stdio: ['ignore', 2, 2] });
  throw error;
} finally {
  compose(['down', '--volumes']);
}

async function story(): Promise<void> {
  await timed('up, until the console answers for the controller', async () => {
    compose(['up', '-d', ...STACK]);
    await until(async () => (await call('GET', '/api/openapi.json')).status === 200);
  });
  compose([
    'exec',
    '-T',
    '-e',
    `CTFLEET_BOOTSTRAP_PASSWORD=${OPERATOR.password}`,
    'controller',
    'node',
    'build/controller/bootstrap.js',
    '--email',
    OPERATOR.email,
    '--name',
    'First',
  ]);
  await signIn();
  await firstRun();
  const first = (await gateway())!;
  console.log(`gateway ${first.state}, ${first.usage!.count} flows at its first sample`);
  const flows = (await read('POST', '/flows:search', {})) as unknown as {
    rows: { orig: Json; status: string[] }[];
    total: number;
    gateways: Json[];
  };
  assert.equal(flows.gateways[0]?.state, 'answered');
  assert.ok(flows.total > 0, 'the table holds at least the flows of the stack itself');
  console.log(`${flows.total} flows listed, the first: ${JSON.stringify(flows.rows[0])}`);

  await flushOne();

  await timed('restart of the controller, until the agent is back', async () => {
    compose(['restart', 'controller']);
    await until(async () => isNewer(await gateway(), first.since));
  });
  const stopped = new Date().toISOString();
  compose(['down']);
  await timed('down and up again, until the agent is back without a token', async () => {
    env.CTFLEET_JOIN_TOKEN = '';
    compose(['up', '-d', ...STACK, 'agent']);
    await until(async () => isNewer(await gateway(), stopped));
  });
  const to = new Date();
  const samples = (await read(
    'GET',
    `/gateways/${first.id}/samples?from=${new Date(to.getTime() - 600_000).toISOString()}&to=${to.toISOString()}`,
  )) as unknown as { points: { at: string }[]; gaps: Json[] };
  assert.ok(
    samples.points.some(({ at }) => at < stopped),
    'samples from before are still there',
  );
  console.log(`the session of before still serves; ${samples.points.length} points and ${samples.gaps.length} gaps in the history`);
}

/** From the sign-in to the first flows in the console, as a person goes; the agent is started when the console asks for it. */
async function firstRun(): Promise<void> {
  const browser = await launchChromium();
  try {
    const page = await browser.newPage({ viewport: { width: 1440, height: 900 } });
    page.setDefaultTimeout(60_000);
    await signInByConsole(page, CONSOLE, OPERATOR);
    await page.getByRole('link', { name: 'Begin' }).click();
    for (const [label, text] of [
      ['Name of the tenant', 'Acme'],
      ['Name of the site', 'Head office'],
      ['Name of the gateway', 'gw1'],
    ] as const) {
      await page.getByLabel(label).waitFor();
      await page.keyboard.type(text);
      await page.keyboard.press('Enter');
    }
    const command = page.getByLabel('enrolment command').first();
    await command.waitFor();
    env.CTFLEET_JOIN_TOKEN = /CTFLEET_JOIN_TOKEN=(\S+)/.exec(await command.innerText())![1]!;
    await timed('the agent, from its start to a sample in the history', async () => {
      compose(['up', '-d', 'agent']);
      await until(async () => (await gateway())?.usage !== undefined);
    });
    await page.getByRole('link', { name: /^See its \d+ flows?$/ }).click();
    await page.getByText(/\d+ flows? match/).waitFor();
    await keepScreenshot(page, 'containers-first-flows');
    console.log('the console went from the sign-in to the first flows');
  } finally {
    await browser.close();
  }
}

/** Two flows of this host; one is ended by plan and digest, the other must stay. */
async function flushOne(): Promise<void> {
  const socket = createSocket('udp4');
  for (const port of [9998, 9999]) await new Promise((sent) => socket.send('x', port, '127.0.0.1', sent));
  const count = async (filter: string): Promise<unknown> => (await read('POST', '/flows:search', { filter })).total;
  assert.deepEqual([await count('proto:udp dport:9998'), await count('proto:udp dport:9999')], [1, 1]);
  const plan = await make('/plans', { filter: 'proto:udp dport:9999', reason: 'a trial' });
  const { flushId } = await make(`/plans/${String(plan.id)}:run`, { digest: plan.digest });
  await until(async () => (await read('GET', `/flushes/${String(flushId)}`)).state !== 'running');
  const flush = await read('GET', `/flushes/${String(flushId)}`);
  assert.equal(flush.state, 'verified', JSON.stringify(flush));
  assert.deepEqual([await count('proto:udp dport:9998'), await count('proto:udp dport:9999')], [1, 0]);
  socket.close();
  console.log(`a flush of one flow: ${JSON.stringify(flush.totals)}`);
}

/** The only gateway; undefined while nobody answers. */
async function gateway(): Promise<Gateway | undefined> {
  const { status, body } = await call('GET', '/api/v1/gateways');
  return status === 200 ? (body as unknown as Page<Gateway>).items[0] : undefined;
}

function isNewer(seen: Gateway | undefined, since: string): boolean {
  return seen?.state === 'online' && seen.since > since;
}

async function signIn(): Promise<void> {
  const answer = await fetch(`${CONSOLE}/api/auth/sign-in/email`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', origin: CONSOLE },
    body: JSON.stringify(OPERATOR),
  });
  assert.equal(answer.status, 200, await answer.text());
  cookie = answer.headers
    .getSetCookie()
    .map((each) => each.split(';')[0])
    .join('; ');
}

function make(path: string, body: Json): Promise<Json> {
  return read('POST', path, body);
}

async function read(method: string, path: string, body?: Json): Promise<Json> {
  const answer = await call(method, `/api/v1${path}`, body);
  assert.ok(answer.status < 300, `${method} ${path}: ${JSON.stringify(answer.body)}`);
  return answer.body;
}

async function call(method: string, path: string, body?: Json): Promise<{ status: number; body: Json }> {
  try {
    const answer = await fetch(CONSOLE + path, {
      method,
      headers: { 'content-type': 'application/json', origin: CONSOLE, cookie },
      body: body && JSON.stringify(body),
    });
    return { status: answer.status, body: (await answer.json()) as Json };
  } catch (error) {
    return { status: 0, body: { detail: String(error) } };
  }
}

async function until(isSo: () => Promise<boolean>): Promise<void> {
  const end = Date.now() + 120_000;
  while (!(await isSo())) {
    if (Date.now() > end) throw new Error('It did not come to be within two minutes.');
    await new Promise((resolve) => setTimeout(resolve, 250));
  }
}

async function timed(what: string, work: () => Promise<void>): Promise<void> {
  const start = performance.now();
  await work();
  console.log(`${((performance.now() - start) / 1000).toFixed(1)} s  ${what}`);
}

function compose(args: string[]): void {
  execFileSync(command, [...options, '-p', 'ctfleet-try', ...args], { env, stdio: ['ignore', 2, 2] });
}
