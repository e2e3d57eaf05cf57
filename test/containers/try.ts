// node test/containers/try.ts: the compose file as a newcomer uses it, from `up` to data that outlives `down`. Images must be built.
// COMPOSE is the command (`docker compose`). It creates a project of its own and removes it, volumes included.
import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { createSocket } from 'node:dgram';
import { Client } from '../../client/client.ts';
import { signIn } from '../../client/sign-in.ts';
import type { Gateway } from '../../proto/http/fleet.ts';
import { routes } from '../../proto/http/routes.ts';
import { keepScreenshot, launchChromium, signIn as signInByConsole } from '../support/browser.ts';

const [command, ...options] = (process.env.COMPOSE ?? 'docker compose').split(' ') as [string, ...string[]];
const STACK = ['postgres', 'redis', 'migrate', 'controller', 'web'];
const CONSOLE = 'http://localhost:3000';
const OPERATOR = { email: 'first@example.com', password: randomBytes(12).toString('hex') };
/** Services are named at each `up`, so that the agent's profile may stay enabled. */
const env: NodeJS.ProcessEnv = {
  ...process.env,
  COMPOSE_PROFILES: 'agent',
  CTFLEET_POSTGRES_PASSWORD: randomBytes(16).toString('hex'),
  CTFLEET_DATABASE_PASSWORD: randomBytes(16).toString('hex'),
};
let client = new Client({ origin: CONSOLE });

try {
  await story();
} catch (error) {
  spawnSync(command, [...options, '-p', 'ctfleet-try', 'logs'], { env, stdio: ['ignore', 2, 2] });
  throw error;
} finally {
  compose(['down', '--volumes']);
}

async function story(): Promise<void> {
  await timed('up, until the console and the controller respond', async () => {
    compose(['up', '-d', ...STACK]);
    await until(() =>
      client.send('/api/openapi.json', { method: 'GET' }).then(
        ({ ok }) => ok,
        () => false,
      ),
    );
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
  client = new Client({ origin: CONSOLE, headers: await signIn(CONSOLE, OPERATOR, CONSOLE) });
  await firstRun();
  const first = (await gateway())!;
  console.log(`gateway ${first.state}, ${first.usage!.count} flows at its first sample`);
  const flows = await client.call(routes.searchFlows, { body: {} });
  assert.equal(flows.gateways[0]?.state, 'answered');
  assert.ok(flows.total > 0, 'the table must hold at least the flows of the stack itself');
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
  const samples = await client.call(routes.listSamples, {
    params: { id: first.id },
    query: { from: new Date(to.getTime() - 600_000).toISOString(), to: to.toISOString() },
  });
  assert.ok(
    samples.points.some(({ at }) => at < stopped),
    'earlier samples must still be there',
  );
  console.log(`the earlier session is still valid; ${samples.points.length} points and ${samples.gaps.length} gaps in the history`);
}

/** From the sign-in to the first flows in the console, as a person would; the agent is started when the console asks for it. */
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
    await timed('from the start of the agent to a sample in the history', async () => {
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
  const count = async (filter: string): Promise<number> => (await client.call(routes.searchFlows, { body: { filter } })).total;
  assert.deepEqual([await count('proto:udp dport:9998'), await count('proto:udp dport:9999')], [1, 1]);
  const plan = await client.call(routes.createPlan, { body: { filter: 'proto:udp dport:9999', reason: 'a trial' } });
  const { flushId } = await client.call(routes.runPlan, { params: { id: plan.id }, body: { digest: plan.digest } });
  const look = () => client.call(routes.getFlush, { params: { id: flushId } });
  await until(async () => (await look()).state !== 'running');
  const flush = await look();
  assert.equal(flush.state, 'verified', JSON.stringify(flush));
  assert.deepEqual([await count('proto:udp dport:9998'), await count('proto:udp dport:9999')], [1, 0]);
  socket.close();
  console.log(`a flush of one flow: ${JSON.stringify(flush.totals)}`);
}

/** The only gateway; undefined while the controller does not respond. */
async function gateway(): Promise<Gateway | undefined> {
  return client.call(routes.listGateways).then(
    ({ items }) => items[0],
    () => undefined,
  );
}

function isNewer(seen: Gateway | undefined, since: string): boolean {
  return seen?.state === 'online' && seen.since > since;
}

async function until(isSo: () => Promise<boolean>): Promise<void> {
  const end = Date.now() + 120_000;
  while (!(await isSo())) {
    if (Date.now() > end) throw new Error('The condition was not met within two minutes.');
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
