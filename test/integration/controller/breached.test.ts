import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { request } from '../../../client/request.ts';
import { UsersService } from '../../../controller/access/users.service.ts';
import { routes } from '../../../proto/http/routes.ts';
import { PASSWORD, TestController, type Person } from '../../support/controller-fleet.ts';
import { openTestDatabases, type TestDatabases } from '../../support/database.ts';

/** Neither short nor easy to guess, and on the list. */
const KNOWN = 'seven quiet herons at dusk';
const OTHER = 'nine loud geese before noon';
const ROOT = path.resolve(import.meta.dirname, '../../..');

let postgres: TestDatabases;
let folder: string;
let file: string;
let controller: TestController;
let owner: Person;

beforeAll(async () => {
  postgres = await openTestDatabases();
  folder = await mkdtemp(path.join(os.tmpdir(), 'ctfleet-breached-'));
  file = path.join(folder, 'pwned.txt');
  const passwords = [KNOWN, ...Array.from({ length: 5000 }, (_, at) => `password number ${at}`)];
  const lines = passwords.map((one) => `${createHash('sha1').update(one).digest('hex').toUpperCase()}:${one.length}`).toSorted();
  await writeFile(file, `${lines.join('\r\n')}\r\n`);
  controller = await TestController.start({ CTFLEET_DATABASE_URL: await postgres.newDatabase(), CTFLEET_BREACHED_PASSWORDS_FILE: file });
  owner = await controller.person('owner', [{ role: 'owner', tenantId: null }]);
});
afterAll(async () => {
  await controller.stop();
  await postgres.stop();
  await rm(folder, { recursive: true, force: true });
});

const post = (place: string, body: unknown, headers: Record<string, string> = {}): Promise<Response> =>
  request({ origin: controller.origin, headers }, `/api/auth/${place}`, { method: 'POST', body });

it('a password that is known from a breach is refused by a link, by a change, and for a new person, and another one is taken', async () => {
  const refused = async (response: Response): Promise<void> => {
    expect(response.status).toBe(400);
    expect(((await response.json()) as { detail: string }).detail).toContain('is known from a breach elsewhere');
  };
  const body = { name: 'Ada', email: 'ada@example.net', grants: [{ role: 'viewer', tenantId: null }] };
  const { made } = await owner.call(routes.invitePerson, { body });
  const token = new URL(made.link!).hash.slice(1);
  await refused(await post('use-link', { token, password: KNOWN }));
  const used = await post('use-link', { token, password: OTHER });
  expect(used.status).toBe(200);
  const cookie = used.headers.getSetCookie()[0]!.split(';')[0]!;
  await refused(await post('change-password', { currentPassword: OTHER, newPassword: KNOWN }, { cookie }));
  expect((await post('change-password', { currentPassword: OTHER, newPassword: PASSWORD }, { cookie })).status).toBe(200);
  const user = { email: 'bob@example.net', name: 'Bob', grants: [] };
  await expect(controller.running.app.get(UsersService).create({ ...user, password: KNOWN })).rejects.toThrow(/known from a breach/);
});

it('the first administrator does not get one at the command line', async () => {
  const run = promisify(execFile)(process.execPath, ['build/controller/bootstrap.js', '--email', 'first@example.net', '--name', 'First'], {
    cwd: ROOT,
    env: {
      ...process.env,
      CTFLEET_DATABASE_URL: await postgres.newDatabase(),
      CTFLEET_STATE_DIR: path.join(folder, 'state'),
      CTFLEET_BREACHED_PASSWORDS_FILE: file,
      CTFLEET_BOOTSTRAP_PASSWORD: KNOWN,
    },
  });
  await expect(run).rejects.toMatchObject({ stderr: expect.stringContaining('is known from a breach elsewhere') });
});

it('a controller does not start with a list that is none', async () => {
  const env = { CTFLEET_DATABASE_URL: await postgres.newDatabase() };
  const start = (list: string) => TestController.start({ ...env, CTFLEET_BREACHED_PASSWORDS_FILE: list });
  await expect(start(path.join(folder, 'none.txt'))).rejects.toThrow(/CTFLEET_BREACHED_PASSWORDS_FILE: .*none.txt cannot be read/);
  const plain = path.join(folder, 'plain.txt');
  await writeFile(plain, 'password\n123456\nqwerty\n');
  await expect(start(plain)).rejects.toThrow(/not HASH:COUNT/);
});
