import fc from 'fast-check';
import { execFile } from 'node:child_process';
import { request as httpRequest } from 'node:http';
import { connect } from 'node:net';
import { text } from 'node:stream/consumers';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { sessionCookie } from '../../client/sign-in.ts';
import { routes } from '../../proto/http/routes.ts';
import { startWithOwner, TestController, type Person } from '../support/controller-fleet.ts';
import type { TestDatabases } from '../support/database.ts';
import { MemoryAgent } from '../support/memory-agent.ts';
import { HOSTILE_TEXTS, randomRequests, type RandomRequest } from '../support/random-requests.ts';

const RUNS = Number(process.env.CTFLEET_RANDOM_REQUESTS ?? 800);
const AT_ONCE = 8;

let postgres: TestDatabases;
let controller: TestController;
let owner: Person;
let agent: MemoryAgent;
let cookie: string;
let ids: string[];

beforeAll(async () => {
  ({ postgres, controller, owner } = await startWithOwner());
  const signedIn = await controller.attempt('owner@example.net', 'a password of a test');
  cookie = sessionCookie(signedIn);
  agent = await MemoryAgent.start(controller, owner, 'gw1');
  const plan = await owner.call(routes.createPlan, { body: { filter: 'port:5', reason: 'to be asked about' } });
  const { flushId } = await owner.call(routes.runPlan, { params: { id: plan.id }, body: { digest: plan.digest } });
  const remediation = await owner.call(routes.createRemediation, {
    body: { tenantId: agent.tenantId, document: { name: 'r', trigger: { kind: 'manual' }, filter: 'port:6' } },
  });
  ids = [agent.tenantId, plan.id, flushId, remediation.id];
});
afterAll(async () => {
  await agent.end();
  await controller.stop();
  await postgres.stop();
});

/** A separate process, so that it keeps sending while the controller answers. */
const SENDS_MEGABYTES = `
  const [url, cookie, hasLength] = process.argv.slice(1);
  const bytes = Buffer.alloc(4 * 1024 * 1024, 0x20);
  const headers = { cookie, 'content-type': 'application/json', ...(hasLength === 'true' && { 'content-length': bytes.length }) };
  const send = () => new Promise((done) => {
    const request = require('node:http').request(url, { method: 'POST', headers }, (response) => response.resume().once('end', () => done(response.headers['content-type'])));
    request.once('error', (error) => done(error.message)).end(bytes);
  });
  Promise.all(Array.from({ length: 20 }, send)).then((answers) => console.log(answers.join('\\n')));
`;

/** Sends it unchanged, without the checks that fetch applies; an event stream is abandoned after its head. */
function send({
  method,
  path,
  headers,
  body,
}: Omit<RandomRequest, 'operationId'>): Promise<{ status: number; type: string; body: string }> {
  return new Promise((resolve, reject) => {
    const sent = httpRequest(
      controller.origin + path,
      { method, headers: { cookie, ...(body !== undefined && { 'content-length': Buffer.byteLength(body) }), ...headers }, agent: false },
      (response) => {
        const type = response.headers['content-type'] ?? '';
        const status = response.statusCode!;
        if (type.startsWith('text/event-stream')) return resolve({ status, type, body: String(sent.destroy()) });
        text(response).then((body) => resolve({ status, type, body }), reject);
      },
    );
    sent.once('error', reject);
    sent.end(body);
  });
}

async function ask(asked: RandomRequest): Promise<string | undefined> {
  const answer = await send(asked);
  const isProblem = answer.status < 400 || answer.type.startsWith('application/problem+json');
  // A gateway that is asked for what it cannot do may be slow or offline; that is 503 and 504, never 500.
  return answer.status !== 500 && isProblem ? undefined : `${answer.status} ${answer.type} ${answer.body.slice(0, 300)}`;
}

describe('any request', () => {
  it(
    `never causes an internal error, and every refusal is a problem: ${RUNS} requests generated from the OpenAPI document`,
    async () => {
      const batch = fc.array(randomRequests({ ids, except: ['revokeGateway', 'endOtherSessions'] }), {
        minLength: AT_ONCE,
        maxLength: AT_ONCE,
      });
      const began = performance.now();
      await fc.assert(
        fc.asyncProperty(batch, async (all) => {
          const failures = await Promise.all(all.map(async (one) => ({ one, failure: await ask(one) })));
          expect(failures.filter(({ failure }) => failure !== undefined)).toEqual([]);
        }),
        { numRuns: Math.ceil(RUNS / AT_ONCE), endOnFailure: true, seed: Number(process.env.CTFLEET_RANDOM_SEED ?? 9) },
      );
      if (process.env.CTFLEET_RANDOM_REQUESTS)
        process.stdout.write(
          `${Math.round(RUNS / ((performance.now() - began) / 1000))} calls/s, ${Math.round(process.memoryUsage().rss / 2 ** 20)} MB\n`,
        );
      expect((await owner.ask(routes.getMe)).status).toBe(200);
    },
    Math.max(180_000, RUNS * 40),
  );

  it.each(HOSTILE_TEXTS.map((one) => [one.slice(0, 30), one]))(
    'with %j in a path, a query, a cursor and a header causes no internal error',
    async (_, hostile) => {
      const coded = encodeURIComponent(hostile.toWellFormed().slice(0, 5000));
      const header = hostile.replaceAll(/[^\x20-\x7e\x80-\xff]/g, '').slice(0, 5000);
      const all: Omit<RandomRequest, 'operationId'>[] = [
        { method: 'GET', path: `/api/v1/plans/${coded}`, headers: {} },
        { method: 'GET', path: `/api/v1/audit?q=${coded}`, headers: {} },
        { method: 'GET', path: `/api/v1/tenants?cursor=${coded}`, headers: {} },
        { method: 'GET', path: `/api/v1/audit?from=${coded}&gateway=${coded}`, headers: {} },
        { method: 'GET', path: '/api/v1/me', headers: { authorization: `Bearer ${header}` } },
        { method: 'GET', path: '/api/v1/me', headers: { cookie: `ctfleet.session_token=${header}` } },
        { method: 'GET', path: `/${coded}`, headers: {} },
        { method: 'POST', path: `/api/v1/hooks/${coded}`, headers: { 'webhook-id': header } },
        { method: 'GET', path: `/api/v1/audit:export?format=csv&from=${coded}`, headers: {} },
        { method: 'GET', path: `/metrics?${coded}`, headers: {} },
      ];
      for (const asked of all) {
        const answer = await send(asked);
        expect([asked.path, answer.status]).not.toEqual([asked.path, 500]);
        if (answer.status >= 400) expect(answer.type).toContain('application/problem+json');
      }
    },
  );

  it('with an undecodable address, an unknown method or invalid HTTP also gets a problem', async () => {
    for (const asked of [
      { method: 'GET', path: '/api/v1/plans/%' },
      { method: 'GET', path: '/api/v1/plans/%ED%A0%80' },
      { method: 'PROPFIND', path: '/api/v1/plans' },
      { method: 'PUT', path: '/api/v1/plans' },
    ]) {
      const answer = await send({ ...asked, headers: {} });
      expect([asked.path, answer.status < 500, answer.type]).toEqual([
        asked.path,
        true,
        expect.stringContaining('application/problem+json'),
      ]);
    }
    const expecting = await send({ method: 'GET', path: '/api/v1/plans', headers: { expect: 'a miracle' } });
    expect([expecting.status, expecting.type]).toEqual([400, expect.stringContaining('application/problem+json')]);
    const socket = connect(controller.running.ports.apiPort, '127.0.0.1');
    socket.end('NONSENSE \u0000 / HTTP/9.9\r\n\r\n');
    expect(await text(socket)).toMatch(/^HTTP\/1\.1 400 [\s\S]+application\/problem\+json/);
  });

  it.each([
    ['with its length', true],
    ['in chunks', false],
  ])('with a body that is too large is refused with a message, not by a broken pipe: %s', async (_, hasLength) => {
    for (const path of ['/api/v1/tenants', '/api/v1/nothing', '/api/auth/sign-in/email']) {
      const { stdout } = await promisify(execFile)(process.execPath, [
        '-e',
        SENDS_MEGABYTES,
        controller.origin + path,
        cookie,
        String(hasLength),
      ]);
      expect([path, ...new Set(stdout.trim().split('\n'))]).toEqual([path, 'application/problem+json; charset=utf-8']);
    }
  });

  it.each(['application/x-www-form-urlencoded', 'text/plain', 'multipart/form-data; boundary=x', 'application/json-patch+json', undefined])(
    'with a body of type %s is told to send JSON, and changes nothing',
    async (type) => {
      const body = type?.includes('form') ? 'name=Form' : '{"name":"Form"}';
      const headers = { origin: controller.origin, ...(type && { 'content-type': type }) };
      const answer = await send({ method: 'POST', path: '/api/v1/tenants', headers, body });
      expect(answer).toMatchObject({ status: 400, body: expect.stringContaining('The body is not JSON') });
      expect((await owner.call(routes.listTenants)).items.map(({ name }) => name)).not.toContain('Form');
    },
  );

  it('with times that no calendar has is refused with their position', async () => {
    const gateway = { id: agent.gatewayId };
    for (const from of ['0000-01-01T00:00:00Z', '1969-12-31T23:59:59Z', '2200-01-01T00:00:00Z', '9999-12-31T23:59:59-23:59']) {
      expect(await owner.ask(routes.listSamples, { params: gateway, query: { from, to: '2026-01-01T00:00:00Z' } })).toMatchObject({
        status: 400,
        body: { issues: [{ path: 'query.from' }] },
      });
    }
  });
});

describe('a text for people', () => {
  it.each(['\u200b', '\u2800 \u00a0', 'red \u001b[31m', 'a\u202eb'])('%j is not a valid reason, name, ticket or tag', async (hostile) => {
    const plan = { filter: 'port:1', reason: 'a reason' };
    const document = { name: 'r', trigger: { kind: 'manual' }, filter: 'proto:udp' };
    for (const [route, body, at] of [
      [routes.createPlan, { ...plan, reason: hostile }, 'body.reason'],
      [routes.createPlan, { ...plan, ticket: hostile }, 'body.ticket'],
      [routes.createTenant, { name: hostile }, 'body.name'],
      [routes.createToken, { name: hostile, role: 'viewer' }, 'body.name'],
      [routes.createRemediation, { document: { ...document, name: hostile } }, 'body.document.name'],
      [routes.createRemediation, { document: { ...document, description: hostile } }, 'body.document.description'],
    ] as const) {
      expect(await owner.ask(route, { body })).toMatchObject({ status: 400, body: { code: 'INVALID_REQUEST', issues: [{ path: at }] } });
    }
    expect(await owner.ask(routes.updateGateway, { params: { id: agent.gatewayId }, body: { tags: [hostile] } })).toMatchObject({
      status: 400,
    });
  });

  it.each(['\u200b', '\\u001b[31m', '\\u202e'])('%j is not a valid name of a policy or pipeline', async (hostile) => {
    const document = `apiVersion: ctfleet/v1\nkind: TrackingPolicy\nmetadata: { name: "${hostile}" }\nspec: {}\n`;
    const body = { tenantId: agent.tenantId, target: { level: 'tenant' }, document };
    const { status, body: refusal } = await owner.ask(routes.createPolicy, { body });
    expect([status, (refusal as { problems: { path: string }[] }).problems[0]?.path]).toEqual([400, 'metadata.name']);
  });

  it('of several lines is a valid reason', async () => {
    expect((await owner.call(routes.createPlan, { body: { filter: 'port:1', reason: 'two\nlines' } })).reason).toBe('two\nlines');
  });
});
