import { createServer, type IncomingHttpHeaders, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { once } from 'node:events';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { routes } from '../../proto/http/routes.ts';
import { startConsole } from '../browser/console-server.ts';
import { eventually, startWithOwner, TestController, type Person } from '../support/controller-fleet.ts';
import type { TestDatabases } from '../support/database.ts';

const FORGED = {
  'x-forwarded-for': '203.0.113.66',
  forwarded: 'for=203.0.113.66',
  'x-real-ip': '203.0.113.66',
  'x-ctfleet-caller': 'guessed 203.0.113.66',
  'x-forwarded-host': 'evil.example',
  'x-forwarded-proto': 'https',
};

let postgres: TestDatabases;
let controller: TestController;
let owner: Person;
let console: Awaited<ReturnType<typeof startConsole>>;

beforeAll(async () => {
  ({ postgres, controller, owner } = await startWithOwner());
  console = await startConsole(controller.origin);
});
afterAll(async () => {
  console.close();
  await controller.stop();
  await postgres.stop();
});

const guess = (from: string, n: number): Promise<Response> =>
  fetch(`${console.url}/api/auth/sign-in/email`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...FORGED, 'x-forwarded-for': from },
    body: JSON.stringify({ email: `nobody${n}@example.net`, password: 'a guess of a password' }),
  });

describe('a browser that forges its address, through the built console', () => {
  it('appears in the audit trail under the address of its connection', async () => {
    await guess('203.0.113.66', 0);
    const { items } = await owner.call(routes.listAudit, { query: { action: 'session.refused' } });
    expect(items[0]!.detail).toMatchObject({ address: '127.0.0.1' });
  });

  it('gets a single rate limit for 80 forged addresses', async () => {
    const statuses: number[] = [];
    for (let n = 1; n <= 80; n++) statuses.push((await guess(`198.51.100.${n}`, n)).status);
    expect(statuses.filter((status) => status === 429).length).toBeGreaterThanOrEqual(20);
    expect(statuses.slice(-10)).toEqual(Array.from({ length: 10 }, () => 429));
  });

  it('still receives its event streams incrementally', async () => {
    const stream = await owner.through(console.url).watch(routes.watchFleet);
    expect(await stream.until((event: { kind: string }) => event.kind === 'heartbeat')).toMatchObject({ kind: 'heartbeat' });
    stream.close();
  });
});

describe('a console behind a proxy', () => {
  let echo: Server;
  let behind: Awaited<ReturnType<typeof startConsole>>;
  let heard: IncomingHttpHeaders;
  beforeAll(async () => {
    echo = createServer((request, response) => {
      heard = request.headers;
      response.end('{}');
    }).listen(0, '127.0.0.1');
    await once(echo, 'listening');
    behind = await startConsole(`http://127.0.0.1:${(echo.address() as AddressInfo).port}`, {
      CTFLEET_TRUSTED_PROXIES: 'loopback, 192.0.2.7',
    });
  });
  afterAll(() => {
    behind.close();
    echo.close();
  });

  it('forwards what a trusted proxy says about its client, and nothing the client claims itself', async () => {
    // A request that arrives while the console is starting has no address at all.
    await eventually('the console has started', async () => {
      await fetch(`${behind.url}/api/v1/me`, { headers: { ...FORGED, 'x-forwarded-for': '203.0.113.66, 198.51.100.4, 192.0.2.7' } });
      return heard['x-forwarded-for'];
    });
    expect(heard['x-forwarded-for']).toBe('198.51.100.4');
    expect(heard).not.toHaveProperty('forwarded');
    expect(heard).not.toHaveProperty('x-real-ip');
    expect(heard).not.toHaveProperty('x-ctfleet-caller');
    expect(heard).not.toHaveProperty('x-forwarded-proto');
    expect(heard['x-forwarded-host']).toBe(new URL(behind.url).host);
  });
});
