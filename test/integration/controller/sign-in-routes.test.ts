import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { request } from '../../../client/request.ts';
import { AUTH, type Auth } from '../../../controller/access/auth.ts';
import { problem } from '../../../proto/http/common.ts';
import { isSignInRoute, SIGN_IN_ROUTES } from '../../../proto/http/sign-in.ts';
import { routes } from '../../../proto/http/routes.ts';
import { PASSWORD, startWithOwner, TestController, type Person } from '../../support/controller-fleet.ts';
import type { TestDatabases } from '../../support/database.ts';

const all = Object.keys(SIGN_IN_ROUTES).map((route) => route.split(' ') as ['GET' | 'POST', string]);
const posts = all.flatMap(([method, path]) => (method === 'POST' ? [path] : []));

let postgres: TestDatabases;
let controller: TestController;
let owner: Person;

beforeAll(async () => {
  ({ postgres, controller, owner } = await startWithOwner());
});
afterAll(async () => {
  await controller.stop();
  await postgres.stop();
});

const ask = (method: string, path: string, body?: unknown, headers: Record<string, string> = {}): Promise<Response> =>
  request({ origin: controller.origin, headers }, `/api/auth${path}`, { method, body });

/** The refusal in an answer, which has the one form of the API. */
async function problemIn(response: Response) {
  expect(response.headers.get('content-type')).toContain('application/problem+json');
  const said = problem.parse(await response.json());
  expect(said.status).toBe(response.status);
  expect(said.type).toBe(`urn:ctfleet:error:${said.code}`);
  return said;
}

/** Bodies that no route takes, or only by chance. */
const WRONG: readonly unknown[] = [
  {},
  { email: 'nobody@example.net', password: 'wrong', token: 'x', code: '000000', response: {}, currentPassword: 'x', newPassword: 'x' },
  { email: 5, password: [], token: null, code: {}, response: 1, currentPassword: {}, newPassword: {} },
  { email: '', password: '', token: '', code: '', currentPassword: '', newPassword: '' },
];

describe('a refusal under /api/auth', () => {
  it.each(posts)('%s is a problem as everywhere, whatever is sent', async (path) => {
    for (const body of WRONG) {
      const response = await ask('POST', path, body);
      if (response.ok) expect(['/sign-out', '/passkey/options', '/forgot-password']).toContain(path);
      else await problemIn(response);
    }
  });

  it('of the library itself keeps its status and has our code and words', async () => {
    const wrong = await problemIn(await ask('POST', '/sign-in/email', { email: 'owner@example.net', password: 'a wrong password' }));
    expect(wrong).toMatchObject({ status: 401, code: 'UNAUTHENTICATED', detail: 'This e-mail and password do not go together.' });
    const unknown = await problemIn(await ask('POST', '/sign-in/email', { email: 'nobody@example.net', password: 'a wrong password' }));
    expect({ ...unknown, traceId: '' }).toEqual({ ...wrong, traceId: '' });
    const none = await problemIn(await ask('POST', '/sign-in/email', { email: 'no address', password: 'a wrong password' }));
    expect(none).toMatchObject({ status: 400, code: 'INVALID_REQUEST', detail: 'This is not an e-mail address.' });
    const cookie = (await controller.attempt('owner@example.net', PASSWORD)).headers.getSetCookie()[0]!.split(';')[0]!;
    const body = { currentPassword: 'a wrong password', newPassword: 'seven quiet herons at dusk' };
    const changed = await problemIn(await ask('POST', '/change-password', body, { cookie }));
    expect(changed).toMatchObject({ status: 400, code: 'INVALID_REQUEST', detail: 'This is not your password.' });
  });

  it('of somebody who is suspended says so', async () => {
    await controller.person('gone', [{ role: 'viewer', tenantId: null }]);
    const { id } = (await owner.call(routes.listPeople)).items.find(({ email }) => email === 'gone@example.net')!;
    await owner.call(routes.suspendPerson, { params: { id } });
    const refused = await problemIn(await controller.attempt('gone@example.net', PASSWORD));
    expect(refused).toMatchObject({ status: 401, code: 'UNAUTHENTICATED', detail: expect.stringContaining('suspended') });
  });
});

describe('what else the sign-in library offers', () => {
  it('does not exist: 404, by every method, as a problem', async () => {
    const { api } = controller.running.app.get<Auth>(AUTH);
    const offered = Object.values(api as Record<string, { path?: string; options?: { method?: string | string[] } }>).flatMap(
      ({ path, options }) => (path === undefined ? [] : [options?.method ?? 'POST'].flat().map((method) => [method, path] as const)),
    );
    expect(offered.length).toBeGreaterThan(30);
    const closed = offered.filter(([method, path]) => !isSignInRoute(method, path) && /^(GET|POST)$/.test(method));
    for (const [method, path] of closed) {
      const response = await ask(method, path.replaceAll(/:\w+/g, 'x'), method === 'POST' ? {} : undefined);
      expect([method, path, response.status]).toEqual([method, path, 404]);
      expect((await problemIn(response)).code).toBe('NOT_FOUND');
    }
    // Open are exactly those that we say.
    const open = offered.filter(([method, path]) => isSignInRoute(method, path)).map(([method, path]) => `${method} ${path}`);
    expect(open.toSorted()).toEqual([
      'GET /get-session',
      'POST /change-password',
      'POST /sign-in/email',
      'POST /sign-out',
      'POST /two-factor/disable',
      'POST /two-factor/enable',
      'POST /two-factor/generate-backup-codes',
      'POST /two-factor/verify-backup-code',
      'POST /two-factor/verify-totp',
    ]);
  });

  it('nor do routes of ours by another method', async () => {
    for (const [method, path] of all)
      expect((await problemIn(await ask(method === 'GET' ? 'POST' : 'GET', path, method === 'GET' ? {} : undefined))).status).toBe(404);
    for (const method of ['PUT', 'PATCH', 'DELETE']) expect((await ask(method, '/sign-in/email', {})).status).toBe(404);
  });

  it('is not in the API’s document, and what exists is, with the form of its refusals', async () => {
    const document = JSON.parse(await (await import('node:fs/promises')).readFile('docs/api/openapi.json', 'utf8')) as {
      paths: Record<string, Record<string, { responses: { default: { content: object } } }>>;
    };
    const documented = Object.entries(document.paths).flatMap(([path, methods]) =>
      path.startsWith('/api/auth/')
        ? Object.keys(methods).map((method) => `${method.toUpperCase()} ${path.slice('/api/auth'.length)}`)
        : [],
    );
    expect(documented.toSorted()).toEqual(Object.keys(SIGN_IN_ROUTES).toSorted());
    for (const [method, path] of all)
      expect(Object.keys(document.paths[`/api/auth${path}`]![method.toLowerCase()]!.responses.default.content)).toEqual([
        'application/problem+json',
      ]);
  });
});
