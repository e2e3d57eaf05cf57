import { execFileSync } from 'node:child_process';
import { createHmac } from 'node:crypto';
import { globSync, readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { Redis } from 'ioredis';
import pg from 'pg';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { routes } from '../../proto/http/routes.ts';
import { startTestSystem, until } from '../support/system.ts';

/** One secret of every kind that the system has, by what it is. */
const canaries = new Map<string, string>();
/** Bodies of answers that had no reason to contain any of them. */
const bodies: string[] = [];
let running: Awaited<ReturnType<typeof startTestSystem>>;

beforeAll(async () => {
  running = await startTestSystem({
    gateways: 1,
    withTraffic: false,
    controllerEnv: { CTFLEET_LOG_LEVEL: 'trace' },
    agentEnv: { CTFLEET_LOG_LEVEL: 'trace' },
  });
  await useEverySecret();
});
afterAll(() => running?.end());

/** A system at work: people and programs sign in, successfully and not, gateways enrol, calls fail, a plan runs. */
async function useEverySecret(): Promise<void> {
  const { system, stateDir } = running;
  const { api, apiUrl, consoleUrl, operator, placed } = system;
  canaries.set('the operator’s password', operator.password);
  canaries.set('a wrong password', 'canary-of-a-wrong-password');
  for (const name of ['auth.secret', 'seal.key', 'authority.key'])
    canaries.set(name, readFileSync(path.join(stateDir, 'controller', name), 'utf8').trim());
  for (const file of globSync('controller/*key*.pem', { cwd: stateDir }))
    canaries.set(file, secretLineOf(readFileSync(path.join(stateDir, file), 'utf8')));
  for (const file of globSync('agents/*/identity.json', { cwd: stateDir }))
    canaries.set(file, secretLineOf((JSON.parse(readFileSync(path.join(stateDir, file), 'utf8')) as { key: string }).key));
  canaries.set('the join token of a gateway', placed[0]!.joinToken!.split('.')[2]!);

  const signIn = (password: string): Promise<Response> =>
    fetch(`${apiUrl}/api/auth/sign-in/email`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', origin: consoleUrl },
      body: JSON.stringify({ email: operator.email, password }),
    });
  bodies.push(await (await signIn(canaries.get('a wrong password')!)).text());
  const [cookie = ''] = (await signIn(operator.password)).headers.getSetCookie();
  canaries.set('a session’s cookie', decodeURIComponent(cookie.split(';')[0]!.split('=')[1]!));

  const { secret } = await api.call(routes.createToken, { body: { name: 'canary', role: 'owner', expiresInDays: 1 } });
  canaries.set('an API token', secret);
  const site = (await api.call(routes.listSites)).items[0]!;
  const { token } = await api.call(routes.createEnrolmentToken, { body: { siteId: site.id, gatewayName: 'canary' } });
  canaries.set('an unused join token', token.split('.')[2]!);
  const hook = await api.call(routes.createRemediation, {
    body: { document: { name: 'canary', mode: 'observe', trigger: { kind: 'webhook' }, filter: 'proto:udp' } },
  });
  canaries.set('a webhook’s secret', hook.hookSecret!);

  const authorization = `Bearer ${secret}`;
  const ask = async (place: string, init: RequestInit = {}): Promise<void> =>
    void bodies.push(
      await (
        await fetch(`${apiUrl}${place}`, { ...init, headers: { authorization, 'content-type': 'application/json', ...init.headers } })
      ).text(),
    );
  for (const route of Object.values(routes))
    if (route.method === 'GET' && !('isStream' in route)) await ask(`/api/v1${route.path.replace('{id}', site.id)}`);
  await ask('/metrics');
  await ask(`/api/v1/nowhere?token=${secret}`, { method: 'POST', body: `{ "password": ${JSON.stringify(operator.password)}` });
  await ask('/api/v1/plans', { method: 'POST', body: JSON.stringify({ secret, filter: 'proto:udp' }) });
  const timestamp = Math.floor(Date.now() / 1000);
  const signature = createHmac('sha256', Buffer.from(hook.hookSecret!.slice(6), 'base64'))
    .update(`m1.${timestamp}.{}`)
    .digest('base64');
  await ask(hook.hookPath!, {
    method: 'POST',
    body: '{}',
    headers: { 'webhook-id': 'm1', 'webhook-timestamp': String(timestamp), 'webhook-signature': `v1,${signature}` },
  });
  const plan = await api.call(routes.createPlan, { body: { filter: 'dport:9', reason: 'a look for secrets' } });
  bodies.push(JSON.stringify(plan));
  await until('the webhook’s run has finished', async () =>
    (await api.call(routes.listRemediationRuns, { query: { remediation: hook.id } })).items.find(({ state }) => state !== 'running'),
  );
}

/** The part of a PEM that is unique to it. */
function secretLineOf(pem: string): string {
  const lines = pem.split('\n').filter((line) => line !== '' && !line.startsWith('-----'));
  return lines[Math.floor(lines.length / 2)]!;
}

/** Which secrets occur in a text, as they are, percent-encoded, in base64 or in hexadecimal. */
function found(text: string): string[] {
  return [...canaries]
    .filter(([, value]) =>
      [value, encodeURIComponent(value), Buffer.from(value).toString('base64').replace(/=+$/, ''), Buffer.from(value).toString('hex')].some(
        (spelt) => text.includes(spelt),
      ),
    )
    .map(([name]) => name);
}

it('F36: there are canaries of every kind', () => {
  expect([...canaries.keys()]).toEqual(
    expect.arrayContaining([
      'auth.secret',
      'seal.key',
      'authority.key',
      expect.stringMatching(/^agents\/.*identity\.json$/),
      'an API token',
      'a webhook’s secret',
      'a session’s cookie',
    ]),
  );
  for (const [name, value] of canaries) expect(`${name} ${value.length > 15}`).toBe(`${name} true`);
});

it('F36: no log of any program holds a secret, even at the most verbose level', () => {
  const logs = readdirSync(path.join(running.stateDir, 'logs'));
  expect(logs).toEqual(expect.arrayContaining(['controller.log']));
  expect(
    Object.fromEntries(
      logs
        .map((name) => [name, found(readFileSync(path.join(running.stateDir, 'logs', name), 'utf8'))])
        .filter(([, names]) => names!.length > 0),
    ),
  ).toEqual({});
});

it('F36: a copy of the database is useless to whoever obtains it', async () => {
  const client = new pg.Client(running.system.databaseUrl);
  await client.connect();
  try {
    const { rows } = await client.query<{ name: string }>(
      `SELECT format('%I.%I', schemaname, tablename) AS name FROM pg_tables WHERE schemaname NOT IN ('pg_catalog', 'information_schema')`,
    );
    expect(rows.length).toBeGreaterThan(20);
    const leaks: Record<string, string[]> = {};
    for (const { name } of rows) {
      const { rows: texts } = await client.query<{ text: string }>(`SELECT to_jsonb(t)::text AS text FROM ${name} AS t`);
      const names = found(texts.map(({ text }) => text).join('\n'));
      if (names.length > 0) leaks[name] = names;
    }
    expect(leaks).toEqual({});
  } finally {
    await client.end();
  }
});

it('F36: a copy of Redis is just as useless', async () => {
  const redis = new Redis(running.system.redisUrl!);
  try {
    const keys = await redis.keys('*');
    expect(keys.length).toBeGreaterThan(0);
    const dumps = await Promise.all(keys.map(async (key) => `${key} ${(await redis.dumpBuffer(key))?.toString('latin1')}`));
    expect(found(dumps.join('\n'))).toEqual([]);
  } finally {
    redis.disconnect();
  }
});

it('F36: no answer repeats a secret, and no process list shows one', () => {
  expect(bodies.length).toBeGreaterThan(20);
  expect(found(bodies.join('\n'))).toEqual([]);
  expect(found(execFileSync('ps', ['-eo', 'args', '-ww'], { encoding: 'utf8', maxBuffer: 64 * 1024 * 1024 }))).toEqual([]);
});
