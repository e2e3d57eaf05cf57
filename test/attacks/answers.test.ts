import { once } from 'node:events';
import { connect } from 'node:net';
import { text } from 'node:stream/consumers';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { sessionCookie } from '../../client/sign-in.ts';
import { routes } from '../../proto/http/routes.ts';
import { makePlace, PASSWORD, startWithOwner, Person, TestController } from '../support/controller-fleet.ts';
import type { TestDatabases } from '../support/database.ts';

const PUBLIC = 'https://fleet.example.net';
const UNKNOWN = '01a00000-0000-7000-8000-000000000000';

let postgres: TestDatabases;
let controller: TestController;
let owner: Person;
let cookie: string;
let tenantId: string;

beforeAll(async () => {
  ({ postgres, controller, owner } = await startWithOwner({ CTFLEET_PUBLIC_URL: PUBLIC }));
  cookie = sessionCookie(await controller.attempt('owner@example.net', PASSWORD));
  tenantId = (await makePlace(owner, 'Acme', 'gw1')).tenantId;
});
afterAll(async () => {
  await controller.stop();
  await postgres.stop();
});

interface Raw {
  status: number;
  headers: Headers;
  body: string;
}

/** Sends these very bytes and gives what comes until the server closes or, with `onlyHead`, the head of the answer. */
async function sendRaw(bytes: string, onlyHead = false): Promise<Raw> {
  const socket = connect(controller.running.ports.apiPort, '127.0.0.1');
  await once(socket, 'connect');
  socket.write(bytes);
  let all = '';
  if (onlyHead) {
    for await (const chunk of socket) if ((all += String(chunk)).includes('\r\n\r\n')) break;
  } else all = await text(socket);
  socket.destroy();
  const [head = '', ...rest] = all.split('\r\n\r\n');
  const [first = '', ...lines] = head.split('\r\n');
  const headers = new Headers(lines.map((line): [string, string] => [line.slice(0, line.indexOf(':')), line.slice(line.indexOf(':') + 1)]));
  return { status: Number(first.split(' ')[1]), headers, body: rest.join('\r\n\r\n') };
}

/** A request as bytes; the connection closes after the answer. */
function bytesOf(method: string, path: string, headers: Record<string, string> = {}, body = ''): string {
  const lines = Object.entries({ host: 'fleet.example.net', connection: 'close', ...headers }).map(([name, value]) => `${name}: ${value}`);
  return `${[`${method} ${path} HTTP/1.1`, ...lines].join('\r\n')}\r\n\r\n${body}`;
}

const json = (body: string): Record<string, string> => ({ 'content-type': 'application/json', 'content-length': String(body.length) });
const signIn = (password: string): [Record<string, string>, string] => {
  const body = JSON.stringify({ email: 'owner@example.net', password });
  return [{ ...json(body), origin: PUBLIC }, body];
};

/** One request of every kind that is answered somewhere else in the code, by what it is. */
const kinds: Record<string, (signedIn: { cookie: string }) => [string, boolean?]> = {
  'a list': (as) => [bytesOf('GET', '/api/v1/tenants', as)],
  'a stream of events': (as) => [bytesOf('GET', '/api/v1/events', as), true],
  'an export': (as) => [bytesOf('GET', '/api/v1/audit:export?format=csv', as)],
  'the metrics': (as) => [bytesOf('GET', '/metrics', as)],
  'the description of the API': () => [bytesOf('GET', '/api/openapi.json')],
  'a look at its health': () => [bytesOf('GET', '/healthz')],
  'a sign-in': () => [bytesOf('POST', '/api/auth/sign-in/email', ...signIn(PASSWORD))],
  'a refused sign-in': () => [bytesOf('POST', '/api/auth/sign-in/email', ...signIn('a wrong password'))],
  'the session': (as) => [bytesOf('GET', '/api/auth/get-session', as)],
  'a stranger': () => [bytesOf('GET', '/api/v1/tenants')],
  'an unknown id': (as) => [bytesOf('GET', `/api/v1/plans/${UNKNOWN}`, as)],
  'an unknown address': () => [bytesOf('GET', '/no/such/place')],
  'an undecodable address': () => [bytesOf('GET', '/api/v1/plans/%')],
  'a body that is no JSON': (as) => [bytesOf('POST', '/api/v1/tenants', { ...as, ...json('{') }, '{')],
  'an unknown expectation': () => [bytesOf('GET', '/healthz', { expect: 'a miracle' })],
  'what is not HTTP': () => ['NONSENSE / HTTP/9.9\r\n\r\n'],
};
const every = Object.entries(kinds);

describe('the answer to', () => {
  it.each(every)('%s names its type with a charset, and forbids to guess another', async (_, request) => {
    const { headers, body } = await sendRaw(...request({ cookie }));
    expect(headers.get('x-content-type-options')).toBe('nosniff');
    expect(headers.get('content-type')).toMatch(/^(?:application\/(?:problem\+)?json|text\/(?:plain|csv|event-stream))(?:;|$)/);
    // JSON is UTF-8 by definition (RFC 8259), and so are events.
    if (/^text\/(?!event)/.test(headers.get('content-type')!)) expect(headers.get('content-type')).toMatch(/charset=utf-8/i);
    if (headers.get('content-type')!.includes('json') && !headers.has('transfer-encoding') && body !== '') JSON.parse(body);
  });

  it.each(every)('%s is rendered by no browser: no script, no frame, no base', async (_, request) => {
    const policy = (await sendRaw(...request({ cookie }))).headers.get('content-security-policy') ?? '';
    for (const directive of ["default-src 'none'", "object-src 'none'", "base-uri 'none'", "frame-ancestors 'none'"])
      expect(policy).toContain(directive);
  });

  it.each(every)('%s is kept by no cache', async (_, request) => {
    expect((await sendRaw(...request({ cookie }))).headers.get('cache-control')).toBe('no-store');
  });

  it.each(every)('%s demands HTTPS for a year, for subdomains too, and tells no other site its address', async (_, request) => {
    const { headers } = await sendRaw(...request({ cookie }));
    const [, seconds] = /^max-age=(\d+); includeSubDomains/.exec(headers.get('strict-transport-security') ?? '') ?? [];
    expect(Number(seconds)).toBeGreaterThanOrEqual(365 * 86_400);
    expect(headers.get('referrer-policy')).toMatch(/^(?:no-referrer|same-origin)$/);
  });

  it.each(every)('%s allows no other origin to read it', async (_, request) => {
    const [bytes, onlyHead] = request({ cookie });
    const { headers } = await sendRaw(bytes.replace('\r\nhost:', '\r\norigin: https://evil.example\r\nhost:'), onlyHead);
    expect([...headers.keys()].filter((name) => name.startsWith('access-control-'))).toEqual([]);
  });

  it.each(every)('%s redirects nowhere, and names no product or version', async (_, request) => {
    const { status, headers } = await sendRaw(...request({ cookie }));
    expect([Math.floor(status / 100) === 3, headers.get('location'), headers.get('server'), headers.get('x-powered-by')]).toEqual([
      false,
      null,
      null,
      null,
    ]);
  });
});

describe('a file of an export', () => {
  it('has a name of ours, whatever the request says', async () => {
    for (const format of ['csv', 'ndjson']) {
      const { headers } = await sendRaw(bytesOf('GET', `/api/v1/audit:export?format=${format}`, { cookie }));
      expect(headers.get('content-disposition')).toMatch(/^attachment; filename="ctfleet-audit\.[a-z]+"$/);
    }
    const named = await sendRaw(bytesOf('GET', '/api/v1/audit:export?format=csv&filename=%22%0d%0aset-cookie:a=b', { cookie }));
    expect([named.headers.get('content-disposition'), named.headers.get('set-cookie')]).toEqual([
      'attachment; filename="ctfleet-audit.csv"',
      null,
    ]);
  });
});

describe('a cookie', () => {
  it('is for HTTPS only, for this site only, invisible to scripts, and its value is in no body', async () => {
    const { headers, body } = await sendRaw(bytesOf('POST', '/api/auth/sign-in/email', ...signIn(PASSWORD)));
    const cookies = headers.getSetCookie();
    expect(cookies.length).toBeGreaterThan(0);
    for (const set of cookies)
      expect(set.trim()).toMatch(/^__Secure-ctfleet\.[^=]+=[^;]*;.*Path=\/;.*HttpOnly;.*Secure;.*SameSite=Strict/i);
    const [value = ''] = decodeURIComponent(cookies[0]!.split(';')[0]!.split('=')[1]!).split('.');
    expect(value.length).toBeGreaterThan(20);
    expect(body).not.toContain(encodeURIComponent(cookies[0]!.split(';')[0]!.split('=').slice(1).join('=')));
  });
});

describe('no such thing is served:', () => {
  it.each([
    '/.git/config',
    '/.env',
    '/package.json',
    '/main.js.map',
    '/api/v1/.git/HEAD',
    '/api/',
    '/api/v1/',
    '/docs',
    '/debug/pprof',
    '/queues',
  ])('%s', async (path) => {
    const { status, body } = await sendRaw(bytesOf('GET', path, { cookie }));
    expect([status, JSON.parse(body)]).toMatchObject([404, { code: 'NOT_FOUND' }]);
  });

  it.each(['TRACE', 'TRACK', 'CONNECT', 'OPTIONS', 'PUT', 'PROPFIND'])('the method %s', async (method) => {
    const { status, headers, body } = await sendRaw(bytesOf(method, '/api/v1/tenants', { cookie, 'x-canary': 'come-back' }));
    expect(Number.isNaN(status) || (status >= 400 && status < 500)).toBe(true);
    expect(body + [...headers.values()].join()).not.toContain('come-back');
  });

  it('a change by a method that is safe by definition', async () => {
    for (const route of Object.values(routes))
      expect([route.path, route.method === 'GET' && /\.(?:write|run|approve|manage|revoke)$/.test(route.action)]).toEqual([
        route.path,
        false,
      ]);
    for (const path of ['/api/auth/sign-out', '/api/auth/change-password', '/api/auth/use-link', '/api/auth/sign-in/email']) {
      await sendRaw(bytesOf('GET', path, { cookie }));
      expect((await new Person(controller.origin, { cookie, origin: PUBLIC }).ask(routes.getMe)).status).toBe(200);
    }
    const headers = { cookie, 'x-http-method-override': 'POST', ...json('{"name":"Overridden"}') };
    await sendRaw(bytesOf('GET', '/api/v1/tenants?_method=POST', headers, '{"name":"Overridden"}'));
    expect((await owner.call(routes.listTenants)).items.map(({ name }) => name)).not.toContain('Overridden');
  });
});

describe('a message that two servers could read differently', () => {
  const BODY = '{"name":"Smuggled"}';
  const chunked = `${BODY.length.toString(16)}\r\n${BODY}\r\n0\r\n\r\n`;
  const hidden = 'GET /healthz HTTP/1.1\r\nhost: x\r\n\r\n';
  it.each([
    ['two lengths', 'content-length: 0\r\ncontent-length: 19', BODY],
    ['a length and chunks', 'content-length: 4\r\ntransfer-encoding: chunked', chunked],
    ['chunks that are not the last coding', 'transfer-encoding: chunked, identity', chunked],
    ['a space before the colon', 'content-length : 19', BODY],
    ['a signed length', 'content-length: +19', BODY],
    ['a length in hexadecimal', 'content-length: 0x13', BODY],
    ['a bare line feed in a header', 'x-a: b\ncontent-length: 19', BODY],
    ['a folded header', 'x-a: b\r\n content-length: 0', hidden],
    ['a chunk whose size is no number', 'transfer-encoding: chunked', `0x13\r\n${BODY}\r\n0\r\n\r\n`],
  ])('is refused as a whole, and nothing behind it is read as a request: %s', async (_, header, body) => {
    const request = `POST /api/v1/tenants HTTP/1.1\r\nhost: x\r\ncookie: ${cookie}\r\ncontent-type: application/json\r\n${header}\r\n\r\n${body}${hidden}`;
    const { status, body: rest } = await sendRaw(request);
    expect([status, rest.includes('HTTP/1.1 200')]).toEqual([400, false]);
    expect((await owner.call(routes.listTenants)).items.map(({ name }) => name)).not.toContain('Smuggled');
  });
});

describe('a parameter', () => {
  it('that is given twice, or in the wrong place, is refused or ignored, and never joined', async () => {
    const own = new Person(controller.origin, { cookie });
    const twice = await sendRaw(bytesOf('GET', `/api/v1/sites?tenant=${UNKNOWN}&tenant=${tenantId}`, { cookie }));
    expect([twice.status, twice.body]).toEqual([400, expect.stringContaining('query')]);
    const inBody = await own.ask(routes.createSite, { query: { tenantId } as never, body: { name: 'S' }, headers: { origin: PUBLIC } });
    expect(inBody.status).toBe(400);
    const inQuery = await sendRaw(bytesOf('GET', `/api/v1/me?authorization=Bearer%20x&cookie=${encodeURIComponent(cookie)}`));
    expect(inQuery.status).toBe(401);
  });

  it.each([
    ['a number as text', { flows: '9' }],
    ['a list for a value', { flows: [9] }],
    ['an object for a value', { flows: { $gt: 0 } }],
    ['text for a boolean', { isEverything: 'false' }],
    ['a prototype', JSON.parse('{"__proto__":{"isEverything":true}}') as object],
    ['a constructor', { constructor: { prototype: { isEverything: true } } }],
  ])('of another type is never converted: %s', async (_, body) => {
    const person = new Person(controller.origin, { cookie, origin: PUBLIC });
    expect((await person.ask(routes.updateLimits, { params: { id: tenantId }, body })).status).toBe(400);
    expect(({} as Record<string, unknown>).isEverything).toBeUndefined();
  });

  it('is decoded once: what is encoded twice stays encoded', async () => {
    const { status, body } = await sendRaw(
      bytesOf('GET', `/api/v1/audit?q=${encodeURIComponent(encodeURIComponent("Acme'"))}`, { cookie }),
    );
    expect([status, JSON.parse(body)]).toMatchObject([200, { items: [] }]);
    expect((await sendRaw(bytesOf('GET', '/api/v1/plans/%252e%252e/tenants', { cookie }))).status).toBe(404);
  });
});
