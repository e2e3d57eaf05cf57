import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { Journal } from '../../agent/operations/journal.ts';
import { Result, Result_State } from '../../proto/gen/ctfleet/v1/operation.ts';
import { routes } from '../../proto/http/routes.ts';
import { TestController } from '../support/controller-fleet.ts';
import { openTestDatabases } from '../support/database.ts';
import { HostileController } from '../support/hostile-controller.ts';
import { MemoryAgent } from '../support/memory-agent.ts';
import { until } from '../support/until.ts';

const MAIN = path.join(import.meta.dirname, '../../build/agent/main.js');
const PLAN = '01900000-0000-7000-8000-000000000001';

const ends: (() => Promise<unknown> | void)[] = [];
afterEach(async () => {
  for (const end of ends.splice(0).reverse()) await end();
});

/** A journal of one command that had begun, with a flipped bit in the middle. */
function damagedJournal(folder: string, id: string): void {
  mkdirSync(folder, { recursive: true });
  const journal = new Journal(folder);
  journal.append({ kind: 'received', id: 'c0', seq: '1', epoch: '1', planId: PLAN });
  journal.append({ kind: 'received', id, seq: '2', epoch: '1', planId: PLAN });
  journal.append({ kind: 'started', id, atMs: 1 });
  journal.close();
  const file = path.join(folder, 'journal');
  const bytes = readFileSync(file);
  bytes[20]! ^= 4;
  writeFileSync(file, bytes);
}

/** What the owner of a gateway types. */
const acceptJournal = (stateDir: string): string =>
  execFileSync(process.execPath, [MAIN, 'accept-journal'], { encoding: 'utf8', env: { ...process.env, CTFLEET_STATE_DIR: stateDir } });

const setAside = (folder: string): string[] => readdirSync(folder).filter((name) => name.startsWith('journal.set-aside-'));

describe('main.js accept-journal', () => {
  it('repairs both journals, names the commands whose outcome is unknown, and leaves sound ones alone', () => {
    const stateDir = mkdtempSync(path.join(os.tmpdir(), 'ctfleet-journals-'));
    ends.push(() => rmSync(stateDir, { recursive: true }));
    const remediations = path.join(stateDir, 'remediations');
    damagedJournal(stateDir, 'c1');
    damagedJournal(remediations, `${PLAN}-1`);
    const damaged = [stateDir, remediations].map((folder) => readFileSync(path.join(folder, 'journal')));
    const said = acceptJournal(stateDir);
    expect(said).toMatch(
      /commands had 1 damaged of 3 records: line 1\.[^]*c1: nobody can say[^]*remediations had 1 damaged of 3 records[^]*-1: nobody can say/,
    );
    expect([stateDir, remediations].map((folder) => readFileSync(path.join(folder, setAside(folder)[0]!)))).toEqual(damaged);
    const journals = [new Journal(stateDir), new Journal(remediations)];
    expect(journals.map(({ damage, state }) => [damage, [...state.commands.values()].map((command) => command.state)])).toEqual([
      [undefined, ['finished']],
      [undefined, ['finished']],
    ]);
    journals.forEach((journal) => journal.close());
    expect(acceptJournal(stateDir)).toMatch(/commands is not damaged[^]*remediations is not damaged/);
    expect(setAside(stateDir)).toHaveLength(1);
  });

  it('touches nothing when given a word that it does not know', () => {
    expect(() => execFileSync(process.execPath, [MAIN, 'accept-journals'], { stdio: 'pipe' })).toThrow(
      /There is no command “accept-journals”; did you mean “accept-journal”/,
    );
  });
});

describe('an agent with a damaged journal', () => {
  it.each([
    ['of commands', ''],
    ['of remediations', 'remediations'],
  ])('%s says so in its hello until its owner has accepted what is left', async (_, folder) => {
    const controller = await HostileController.start();
    ends.push(() => controller.end());
    const stateDir = mkdtempSync(path.join(os.tmpdir(), 'ctfleet-journals-'));
    ends.push(() => rmSync(stateDir, { recursive: true }));
    damagedJournal(path.join(stateDir, folder), folder === '' ? 'c1' : `${PLAN}-1`);
    const first = await controller.startAgent({ stateDir });
    expect((await controller.session()).hello!.guard!.error).toMatch(
      /journal is damaged.*accept-journal.*one record cannot be read, the first on line 1/,
    );
    await first.end();
    acceptJournal(stateDir);
    await controller.startAgent({ stateDir });
    const session = await controller.session(2);
    expect(session.hello!.guard!.error).toBe('');
    if (folder !== '') return;
    const result: Result = await until('the unknown outcome is reported', () =>
      session.all('result').find(({ commandId }) => commandId === 'c1'),
    );
    expect(result).toMatchObject({ state: Result_State.STATE_INDETERMINATE, detail: expect.stringMatching(/its owner accepted/) });
  });

  it('is shown with the reason by the controller', async () => {
    const postgres = await openTestDatabases();
    ends.push(() => postgres.stop());
    const controller = await TestController.start({ CTFLEET_DATABASE_URL: await postgres.newDatabase() });
    ends.push(() => controller.stop());
    const owner = await controller.person('owner', [{ role: 'owner', tenantId: null }]);
    const agent = await MemoryAgent.start(controller, owner, 'gw1', 1, { prepare: (stateDir) => damagedJournal(stateDir, 'c1') });
    ends.push(() => agent.end());
    const { items } = await owner.call(routes.listGateways, { query: { tenant: agent.tenantId } });
    expect(items[0]!.guard!.error).toMatch(/journal is damaged.*accept-journal, and start it again/);
  });
});
