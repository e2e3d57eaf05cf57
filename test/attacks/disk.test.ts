import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { pino } from 'pino';
import { afterAll, describe, expect, it } from 'vitest';
import { acceptJournals } from '../../agent/accept-journals.ts';
import { WanStore } from '../../agent/wans/store.ts';
import { MemoryTable } from '../../agent/conntrack/memory/memory-table.ts';
import type { FlowContext } from '../../agent/conntrack/table.ts';
import { Disk } from '../../agent/disk/disk.ts';
import { NODE_FILES, type Files } from '../../agent/disk/files.ts';
import { loadIdentity, saveIdentity } from '../../agent/link/identity.ts';
import { Witness } from '../../agent/link/witness.ts';
import { Commands } from '../../agent/operations/commands.ts';
import { Journal, readRecords } from '../../agent/operations/journal.ts';
import { Lately } from '../../agent/operations/lately.ts';
import { LocalGuard, NO_RULES } from '../../agent/operations/local-guard.ts';
import { PlanStore } from '../../agent/operations/plan-store.ts';
import { UndoStore } from '../../agent/operations/undo-store.ts';
import { Remediations } from '../../agent/remediations/remediations.ts';
import { RunHistory } from '../../agent/remediations/run-history.ts';
import { RunLog } from '../../agent/remediations/run-log.ts';
import { RunReports } from '../../agent/remediations/run-reports.ts';
import { Method, Outcome, Progress_Phase, Result_State, type Command, type Result } from '../../proto/gen/ctfleet/v1/operation.ts';
import { RemediationRun } from '../../proto/gen/ctfleet/v1/remediation.ts';
import type { Flow } from '../../proto/model/flow.ts';
import { FailingFiles, type Fault } from '../support/failing-files.ts';
import { entryOf } from '../support/sample-entries.ts';

// In memory where possible: thousands of short agent lives are played here.
const root = mkdtempSync(path.join(existsSync('/dev/shm') ? '/dev/shm' : os.tmpdir(), 'ctfleet-disk-'));
afterAll(() => rmSync(root, { recursive: true, force: true }));
const newFolder = (): string => mkdtempSync(path.join(root, 'agent-'));

const CONTEXT: FlowContext = { wans: [], protections: [] };
const LOG = pino({ level: 'silent' });
const NOW_MS = 1_000_000;
const NO_OFFSET = { offsetMs: () => 0 };
const PEM = '-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n';
const IDENTITY = { gatewayId: 'g', gatewayName: 'gw', linkAddress: '192.0.2.1:4444', key: PEM, certificate: PEM, ca: PEM };
const RUN_ID = '01900000-0000-7000-8000-0000000000aa';
const planOf = (n: number): string => `01900000-0000-7000-8000-00000000000${n}`;
const isCommand = (id: string): boolean => id.startsWith('c') || id.startsWith('u');

/** A table that records what was done to it without a prior record in the journal on disk. */
class JournalledTable extends MemoryTable {
  readonly unjournalled: string[] = [];
  folder = '';
  running = '';

  constructor() {
    super({ now: () => NOW_MS });
    for (let n = 1; n <= 6; n++) this.bear(n);
  }

  bear(n: number): void {
    this.insert(entryOf({ proto: 17, orig: { src: `10.1.0.${n}`, dst: '198.51.100.10', sport: 5060, dport: 5060 }, timeoutSeconds: 120 }));
  }

  override async delete(flows: Flow[]): ReturnType<MemoryTable['delete']> {
    this.#note('delete');
    return super.delete(flows);
  }

  override async restore(flows: Flow[]): ReturnType<MemoryTable['restore']> {
    this.#note('restore');
    return super.restore(flows);
  }

  #note(deed: string): void {
    const started = readRecords(readFileSync(path.join(this.folder, 'journal'))).records.flatMap((record) =>
      record.kind === 'started' ? [record.id] : [],
    );
    if (started.length === 0) this.unjournalled.push(deed);
  }
}

interface Life {
  commands: Commands;
  journal: Journal;
  plans: PlanStore;
  undos: UndoStore;
  disk: Disk;
  results: Result[];
  received: Set<string>;
}

/** One life of an agent's operations over the folder's contents; it resumes whatever a crash left. */
function live(folder: string, table: JournalledTable, files: Files = NODE_FILES, compactAfter?: number): Life {
  table.folder = folder;
  const disk = new Disk({ files, now: () => NOW_MS });
  const journal = new Journal(folder, disk, compactAfter);
  const plans = new PlanStore(folder, disk);
  const undos = new UndoStore(folder, plans, disk);
  const results: Result[] = [];
  const received = new Set<string>();
  const commands = new Commands({
    table,
    journal,
    plans,
    undos,
    guard: new LocalGuard(() => ({ ...NO_RULES, error: journal.damage }), new Lately(() => NOW_MS, folder, disk)),
    context: () => CONTEXT,
    log: LOG,
    controllerClock: { latest: () => NOW_MS },
    clock: { now: () => NOW_MS, delay: async () => undefined },
    report: {
      progress: ({ commandId, phase }) => {
        if (phase === Progress_Phase.PHASE_RECEIVED) received.add(commandId);
      },
      result: (result) => results.push(result),
    },
  });
  commands.recover();
  return { commands, journal, plans, undos, disk, results, received };
}

async function freeze({ plans }: Life, table: MemoryTable, planId: string): Promise<Buffer> {
  const writer = plans.begin(planId, NOW_MS + 300_000);
  for await (const batch of table.collect({ filter: { kind: 'everything' }, context: CONTEXT })) batch.forEach((flow) => writer.add(flow));
  return writer.finish();
}

const runOf = (id: string, seq: bigint, planId: string, digest: Buffer): Command => ({
  id,
  seq,
  epoch: 1n,
  notAfterMs: 2_000_000n,
  work: { $case: 'runPlan', value: { planId, digest, method: Method.METHOD_DELETE, verifyAfterMs: 0, undoForSeconds: 300 } },
});
const undoOf = (id: string, seq: bigint, commandId: string): Command => ({
  id,
  seq,
  epoch: 1n,
  notAfterMs: 2_000_000n,
  work: { $case: 'undoPlan', value: { planId: planOf(1), commandId } },
});

/** Returns the name of the error thrown; a failing disk is expected to make calls fail. */
async function orRefused<T>(work: () => T | Promise<T>): Promise<T | undefined> {
  try {
    return await work();
  } catch {
    return undefined;
  }
}

/**
 * What an agent writes during its life besides commands. Calls that may be refused may throw; anything called from a stream's callback must
 * not.
 */
async function writeTheRest(folder: string, disk: Disk): Promise<void> {
  await orRefused(() => saveIdentity(folder, IDENTITY, disk));
  const contradictions: string[] = [];
  new Witness(folder, (why) => contradictions.push(why), disk).see({
    chain: 'a',
    seq: 1n,
    hash: 'h',
    atMs: 1n,
    signature: Buffer.from('s'),
    keyId: 'k',
  });
  new WanStore(folder, disk).keep([]);
  const directory = path.join(folder, 'remediations');
  const table = new MemoryTable({ now: () => NOW_MS });
  const runs = new RunLog(directory, disk);
  const remediations = new Remediations({
    table,
    guard: new LocalGuard(() => NO_RULES, new Lately(() => NOW_MS)),
    stateDir: folder,
    disk,
    clock: { now: () => NOW_MS, delay: async () => undefined },
    context: () => CONTEXT,
    log: LOG,
    runs,
    reports: new RunReports(runs, NO_OFFSET),
    onReport: () => undefined,
  });
  remediations.replace([{ id: 'r1', revision: 1, document: '{', limits: undefined, isApproved: false, delaySeconds: 0 }]);
  const history = new RunHistory(directory, NOW_MS, disk);
  await orRefused(() => history.began('r1', NOW_MS));
  history.ended('r1', NOW_MS);
  await orRefused(() => {
    runs.keep({ ...RemediationRun.fromPartial({ id: RUN_ID, remediationId: 'r1' }) });
    runs.start(RUN_ID, 1, { method: Method.METHOD_DELETE }, [], NOW_MS);
    runs.finish(RUN_ID, 1, []);
  });
  expect(contradictions).toEqual([]);
}

/** The first life: whatever fails, the agent's own calls must not throw. Returns the commands that the controller was able to issue. */
async function firstLife(life: Life, table: JournalledTable): Promise<Command[]> {
  const given: Command[] = [];
  const give = async (command: Command): Promise<void> => {
    given.push(command);
    life.commands.accept(command);
    await life.commands.idle();
  };
  const digest = await orRefused(() => freeze(life, table, planOf(1)));
  if (digest) await give(runOf('c1', 1n, planOf(1), digest));
  life.commands.acknowledge('c1');
  await give(undoOf('u1', 2n, 'c1'));
  life.commands.stop(['c2']);
  const second = await orRefused(() => freeze(life, table, planOf(2)));
  if (second) await give(runOf('c3', 4n, planOf(2), second));
  return given;
}

/** Runs something on a disk that fails at each of its writes in turn; `after` inspects what each run left. */
async function failEverywhere<T>(
  how: { fault: Fault; lasts: boolean },
  work: (files: Files, folder: string) => Promise<T>,
  after: (done: T, folder: string) => Promise<void>,
): Promise<void> {
  const well = new FailingFiles();
  await work(well.files, newFolder());
  const places = well.placesOf(how.fault);
  expect(places.length).toBeGreaterThan(1);
  for (const at of places) {
    const failing = new FailingFiles({ ...how, at });
    const folder = newFolder();
    try {
      const done = await work(failing.files, folder);
      expect(failing.hasFailed).toBe(true);
      await after(done, folder);
    } catch (error) {
      throw new Error(`${how.fault} at change ${at}: ${(error as Error).message}`, { cause: error });
    } finally {
      rmSync(folder, { recursive: true });
    }
  }
}

const FAULTS: readonly Fault[] = ['ENOSPC', 'short write', 'fsync', 'rename'];
/** A disk that becomes read-only stays so. */
const EVERY_WAY: { fault: Fault; lasts: boolean; until: string }[] = [
  { fault: 'EROFS', lasts: true, until: 'and from then on' },
  { fault: 'EIO', lasts: false, until: 'once' },
  ...FAULTS.flatMap((fault) => [
    { fault, lasts: false, until: 'once' },
    { fault, lasts: true, until: 'and from then on' },
  ]),
];

describe('when a write to disk fails', () => {
  it.each(EVERY_WAY)(
    'by $fault, $until, no command is lost, done twice or done unjournalled, and the next ones run after a restart',
    async (how) => {
      await failEverywhere(
        how,
        async (files, folder) => {
          const table = new JournalledTable();
          const life = live(folder, table, files, 4);
          return { table, life, given: await firstLife(life, table) };
        },
        async ({ table, life: first, given }, folder) => {
          expect(table.unjournalled).toEqual([]);
          const done = new Map(first.results.map(({ commandId, state }) => [commandId, state]));
          // Flows born now with the tuples of deleted flows belong to no plan; those that are still there belong to no refused plan.
          for (let n = 1; n <= 6; n++) table.bear(n);
          const before = await table.count();
          const second = live(folder, table, new FailingFiles().files);
          expect(second.journal.damage).toBeUndefined();
          const known = (id: string): boolean => second.journal.state.commands.has(id) || second.journal.state.acknowledged.has(id);
          expect([...first.received].filter((id) => !known(id))).toEqual([]);
          await second.commands.idle();
          second.commands.repeatResults();
          for (const command of given.filter(({ id }) => done.get(id) === Result_State.STATE_DONE)) second.commands.accept(command);
          await second.commands.idle();
          if ([...done.values()].every((state) => state !== Result_State.STATE_INDETERMINATE)) expect(await table.count()).toBe(before);
          const said = new Set([...done.keys(), ...second.results.map(({ commandId }) => commandId)]);
          expect(given.filter(({ id }) => !said.has(id))).toEqual([]);
          await afterwards(second, table);
        },
      );
    },
  );

  it.each(EVERY_WAY)('by $fault, $until, everything else an agent keeps is as it was, as it should be, or absent', async (how) => {
    await failEverywhere(
      how,
      async (files, folder) => {
        await writeTheRest(folder, new Disk({ files, now: () => NOW_MS }));
      },
      async (_, folder) => {
        const aside: string[] = [];
        const disk = new Disk({
          files: new FailingFiles().files,
          onTrouble: (message, { keptAs }) => {
            if (keptAs !== undefined) aside.push(keptAs);
          },
        });
        await writeTheRest(folder, disk);
        expect(aside).toEqual([]);
        expect(loadIdentity(folder, disk)).toEqual(IDENTITY);
        const runs = new RunLog(path.join(folder, 'remediations'), disk);
        expect([runs.damage, runs.heads().some(({ id }) => id === RUN_ID)]).toEqual([undefined, true]);
        expect(new Witness(folder, () => undefined, disk).kept).toHaveLength(1);
      },
    );
  });
});

/** The disk is well again: a new command ends exactly its own flows. */
async function afterwards(life: Life, table: MemoryTable): Promise<void> {
  const digest = await freeze(life, table, planOf(9));
  life.commands.accept(runOf('c9', 99n, planOf(9), digest));
  await life.commands.idle();
  expect(life.results.at(-1)).toMatchObject({ commandId: 'c9', state: Result_State.STATE_DONE });
  expect(await table.count()).toBe(0);
}

describe('a command that arrives while the journal cannot be written', () => {
  it('is refused for as long as that lasts, and the next one runs without a restart', async () => {
    const [table, folder] = [new JournalledTable(), newFolder()];
    let isBroken = false;
    const files: Files = { ...NODE_FILES };
    for (const name of ['writeSync', 'ftruncateSync', 'fsyncSync'] as const) {
      const real = NODE_FILES[name] as (...args: unknown[]) => unknown;
      Object.assign(files, {
        [name]: (...args: unknown[]): unknown => {
          if (isBroken && name === 'writeSync') real(args[0], args[1], args[2], 3);
          if (isBroken) throw Object.assign(new Error('EIO: i/o error'), { code: 'EIO' });
          return real(...args);
        },
      });
    }
    const life = live(folder, table, files);
    const digest = await freeze(life, table, planOf(1));
    isBroken = true;
    for (let n = 1; n <= 10; n++) life.commands.accept(runOf(`c${n}`, BigInt(n), planOf(1), digest));
    await life.commands.idle();
    expect(life.results.map(({ state, reason }) => [state, reason])).toEqual(
      Array.from({ length: 10 }, () => [Result_State.STATE_FAILED, 'UNAVAILABLE']),
    );
    expect(await table.count()).toBe(6);
    isBroken = false;
    life.commands.accept(runOf('c11', 11n, planOf(1), digest));
    await life.commands.idle();
    expect(life.results.at(-1)).toMatchObject({
      commandId: 'c11',
      state: Result_State.STATE_DONE,
      runs: [{ outcome: Outcome.OUTCOME_DELETED, count: 6 }],
    });
    expect(readRecords(readFileSync(path.join(folder, 'journal'))).damaged).toEqual([]);
    expect(live(folder, table).journal.state.commands.get('c11')?.state).toBe('finished');
  });

  it('keeps its result if only that could not be written, repeats it in each session, and drops it once acknowledged', async () => {
    const [table, folder] = [new JournalledTable(), newFolder()];
    let isFull = false;
    const files: Files = {
      ...NODE_FILES,
      writeSync: ((...args: Parameters<typeof NODE_FILES.writeSync>) => {
        if (isFull) throw Object.assign(new Error('ENOSPC'), { code: 'ENOSPC' });
        return NODE_FILES.writeSync(...args);
      }) as Files['writeSync'],
    };
    const life = live(folder, table, files);
    const digest = await freeze(life, table, planOf(1));
    const deleted = table.delete.bind(table);
    table.delete = async (flows) => {
      isFull = true;
      return deleted(flows);
    };
    life.commands.accept(runOf('c1', 1n, planOf(1), digest));
    await life.commands.idle();
    life.commands.repeatResults();
    expect(life.results.map(({ state }) => state)).toEqual([Result_State.STATE_DONE, Result_State.STATE_DONE]);
    life.commands.acknowledge('c1');
    isFull = false;
    life.commands.acknowledge('c1');
    life.commands.repeatResults();
    expect([life.results.length, life.journal.state.acknowledged.has('c1')]).toEqual([2, true]);
  });
});

/** Why no small disk is available here; undefined if one is. */
function whyNoTmpfs(): string | undefined {
  const probe = newFolder();
  try {
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=64k', 'tmpfs', probe], { stdio: 'pipe' });
    execFileSync('umount', [probe]);
    return undefined;
  } catch (error) {
    return `no tmpfs can be mounted: ${(error as Error).message.split('\n')[0]}`;
  }
}

const why = whyNoTmpfs();
describe.skipIf(why !== undefined)(`a disk that is really full${why ? ` (skipped: ${why})` : ''}`, () => {
  it('refuses commands until there is space, and then resumes without a restart', async () => {
    const folder = newFolder();
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=128k', 'tmpfs', folder]);
    try {
      const table = new JournalledTable();
      const life = live(folder, table);
      const digest = await freeze(life, table, planOf(1));
      // Part of a page is left free for the journal, so that records are cut short before writes fail outright.
      const filler = path.join(folder, 'filler');
      for (let size = 128 << 10; size >= 1; size >>= 1) await orRefused(() => writeFileSync(filler, Buffer.alloc(size), { flag: 'a' }));
      let refused = 0;
      for (let n = 1; n <= 60; n++) {
        life.commands.accept(runOf(`c${n}`, BigInt(n), 'ffffffff-ffff-7fff-8fff-ffffffffffff', digest));
        await life.commands.idle();
        if (life.results.at(-1)!.reason === 'UNAVAILABLE') refused++;
      }
      expect([refused > 0, await table.count()]).toEqual([true, 6]);
      expect(readRecords(readFileSync(path.join(folder, 'journal'))).damaged).toEqual([]);
      const journalled = [...life.received];
      rmSync(filler);
      life.commands.accept(runOf('c61', 61n, planOf(1), digest));
      await life.commands.idle();
      expect(life.results.at(-1)).toMatchObject({ commandId: 'c61', state: Result_State.STATE_DONE });
      expect(await table.count()).toBe(0);
      const again = live(folder, table);
      expect(journalled.filter((id) => !again.journal.state.commands.has(id))).toEqual([]);
      expect(again.journal.state.lastSeq).toBe(61n);
      again.journal.close();
      life.journal.close();
    } finally {
      execFileSync('umount', [folder]);
    }
  });
});

describe('damage in the middle of a journal', () => {
  const damagedLife = async (): Promise<{ table: JournalledTable; folder: string; bytes: Buffer }> => {
    const [table, folder] = [new JournalledTable(), newFolder()];
    const life = live(folder, table);
    const digest = await freeze(life, table, planOf(1));
    life.journal.append({ kind: 'received', id: 'c0', seq: '1', epoch: '1', planId: planOf(1) });
    life.commands.accept(runOf('c1', 2n, planOf(1), digest));
    await life.commands.idle();
    life.journal.close();
    const file = path.join(folder, 'journal');
    const bytes = readFileSync(file);
    bytes[bytes.indexOf(10) + 20]! ^= 4;
    writeFileSync(file, bytes);
    return { table, folder, bytes };
  };

  it('is never truncated: the agent refuses to end flows, names the repair, and knows the records on both sides', async () => {
    const { table, folder, bytes } = await damagedLife();
    for (let n = 1; n <= 6; n++) table.bear(n);
    const life = live(folder, table);
    const digest = await freeze(life, table, planOf(3));
    life.commands.accept(runOf('c5', 5n, planOf(3), digest));
    life.commands.accept(undoOf('u1', 6n, 'c1'));
    life.commands.acknowledge('c1');
    life.commands.stop(['c0']);
    await life.commands.idle();
    expect(life.results.map(({ commandId, state, reason }) => [commandId, state, reason])).toEqual(
      ['c5', 'u1'].map((id) => [id, Result_State.STATE_REFUSED, 'GUARD_REFUSED']),
    );
    expect(life.results[0]!.detail).toMatch(/accept-journal/);
    expect(await table.count()).toBe(6);
    expect([...life.journal.state.commands.keys()].filter(isCommand).toSorted()).toEqual(['c0', 'c1']);
    expect(readFileSync(path.join(folder, 'journal')).equals(bytes)).toBe(true);
  });

  it('is cleared when the owner accepts the rest: the damaged file is kept, nothing runs again, and commands are taken', async () => {
    const { table, folder, bytes } = await damagedLife();
    for (let n = 1; n <= 6; n++) table.bear(n);
    expect(acceptJournals(folder, 77).join('\n')).toMatch(/line 2[^]*set-aside-77[^]*c0: nobody can say/);
    expect(readFileSync(path.join(folder, 'journal.set-aside-77')).equals(bytes)).toBe(true);
    const life = live(folder, table);
    expect([life.journal.damage, life.journal.state.lastSeq >= 1n]).toEqual([undefined, true]);
    life.commands.repeatResults();
    expect(life.results.find(({ commandId }) => commandId === 'c0')).toMatchObject({ state: Result_State.STATE_INDETERMINATE });
    await life.commands.idle();
    expect(await table.count()).toBe(6);
    await afterwards(life, table);
    expect(acceptJournals(folder, 78)[0]).toMatch(/not damaged/);
  });
});

describe('a damaged file', () => {
  it.each([
    ['an undo', 'undo/c8'],
    ['a plan', `plans/${planOf(8)}`],
    ['what was witnessed', 'witness.json'],
    ['the WANs', 'wans.json'],
    ['the set of remediations', 'remediations/set.json'],
    ['the history of runs', 'remediations/history.json'],
    ['a run', `remediations/runs/${RUN_ID}`],
  ])('of %s is set aside and reported, and nothing else stops', async (_, name) => {
    const [table, folder] = [new JournalledTable(), newFolder()];
    const file = path.join(folder, name);
    mkdirSync(path.dirname(file), { recursive: true });
    writeFileSync(file, Buffer.from([0x7b, 0x22, 0xff, 0x00, 0x0a, 0xff, 0xff, 0xff, 0xff]));
    const told: { file: string; keptAs?: string }[] = [];
    const disk = new Disk({ now: () => 5, onTrouble: (message, fields) => told.push(fields) });
    const plans = new PlanStore(folder, disk);
    new UndoStore(folder, plans, disk).sweep(NOW_MS);
    expect(() => plans.load(planOf(8))).toThrow(expect.objectContaining({ code: 'PLAN_UNKNOWN' }));
    new Witness(folder, () => undefined, disk);
    expect(new WanStore(folder, disk).load()).toEqual([]);
    const runs = new RunLog(path.join(folder, 'remediations'), disk);
    new Remediations({
      table,
      guard: new LocalGuard(() => NO_RULES, new Lately(() => NOW_MS)),
      stateDir: folder,
      disk,
      clock: { now: () => NOW_MS, delay: async () => undefined },
      context: () => CONTEXT,
      log: LOG,
      runs,
      reports: new RunReports(runs, NO_OFFSET),
      onReport: () => undefined,
    });
    expect(told.map(({ file: of, keptAs }) => [of, keptAs])).toEqual([[file, `${file}.damaged-5`]]);
    await afterwards(live(folder, table), table);
  });

  it('holding the identity is named with its remedy, and is never taken for a gateway that is not enrolled', () => {
    const { key, certificate, ca, ...rest } = IDENTITY;
    /** As agents of 0.1.0 kept it. */
    const saveInFour = (folder: string): void => {
      for (const [name, text] of Object.entries({
        'identity.json': JSON.stringify(rest),
        'key.pem': key,
        'certificate.pem': certificate,
        'ca.pem': ca,
      }))
        writeFileSync(path.join(folder, name), text);
    };
    for (const [name, save] of [
      ['identity.json', (folder: string) => saveIdentity(folder, IDENTITY)] as const,
      ...['identity.json', 'key.pem', 'certificate.pem', 'ca.pem'].map((each) => [each, saveInFour] as const),
    ]) {
      const folder = newFolder();
      save(folder);
      expect(loadIdentity(folder)).toEqual(IDENTITY);
      writeFileSync(path.join(folder, name), readFileSync(path.join(folder, name)).subarray(0, 20));
      expect(() => loadIdentity(folder)).toThrow(new RegExp(`${name.replace('.', '\\.')}.*join token`));
    }
  });

  it('holding an identity in four files is replaced by one at the next renewal', () => {
    const folder = newFolder();
    for (const name of ['key.pem', 'certificate.pem', 'ca.pem']) writeFileSync(path.join(folder, name), 'old');
    saveIdentity(folder, IDENTITY);
    expect([NODE_FILES.readdirSync(folder), loadIdentity(folder)]).toEqual([['identity.json'], IDENTITY]);
  });

  it('is kept, but only so many times', () => {
    const folder = newFolder();
    let nowMs = 0;
    const disk = new Disk({ now: () => ++nowMs });
    for (let n = 0; n < 30; n++) {
      writeFileSync(path.join(folder, 'x'), '{');
      expect(disk.read(path.join(folder, 'x'), (bytes) => JSON.parse(bytes.toString()) as unknown)).toBeUndefined();
    }
    expect(NODE_FILES.readdirSync(folder).toSorted()).toEqual([...Array(8).keys()].map((n) => `x.damaged-${23 + n}`));
  });
});
