import { mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { MemoryTable } from '../../agent/conntrack/memory/memory-table.ts';
import { NODE_FILES, type Files } from '../../agent/disk/files.ts';
import type { Query, SearchQuery } from '../../proto/gen/ctfleet/v1/link.ts';
import { Method, Outcome, Result_State, type Command } from '../../proto/gen/ctfleet/v1/operation.ts';
import { HostileController, type HostileSession } from '../support/hostile-controller.ts';
import { entryOf } from '../support/sample-entries.ts';
import { until } from '../support/until.ts';

const planOf = (n: number): string => `01900000-0000-7000-8000-00000000000${n}`;
const PLAN = planOf(1);
const FLOWS = 20;

let controller: HostileController;
beforeEach(async () => {
  controller = await HostileController.start();
});
afterEach(() => controller.end());

/** A table whose searches wait while it is held. */
class HeldTable extends MemoryTable {
  isHeld = false;

  constructor() {
    super({ now: Date.now });
    this.fill();
  }

  fill(): void {
    for (let n = 0; n < FLOWS; n++)
      this.insert(
        entryOf({ proto: 17, orig: { src: '10.1.0.1', dst: '198.51.100.10', sport: 1000 + n, dport: 5060 }, timeoutSeconds: 86_400 }),
      );
  }

  override async search(options: Parameters<MemoryTable['search']>[0]): ReturnType<MemoryTable['search']> {
    await until('the table is released, or nobody is waiting any more', () => !this.isHeld || options.signal?.aborted || undefined);
    return super.search(options);
  }
}

/** This machine's files, every call to which fails while it is broken. */
class BreakableFiles {
  isBroken = false;
  readonly files: Files = Object.fromEntries(
    Object.keys(NODE_FILES).map((name) => [
      name,
      (...args: unknown[]): unknown => {
        if (this.isBroken) throw Object.assign(new Error(`EIO: made to fail, ${name}`), { code: 'EIO' });
        return (NODE_FILES[name as keyof Files] as (...args: unknown[]) => unknown)(...args);
      },
    ]),
  ) as unknown as Files;
}

const search = (change: Partial<SearchQuery> = {}): Query['ask'] => ({
  $case: 'search',
  value: {
    filter: { node: { $case: 'everything', value: true } },
    sort: '',
    descending: false,
    limit: 10,
    withFacets: false,
    after: undefined,
    ...change,
  },
});
const query = (id: string, ask: Query['ask'] = search(), deadlineMs = 20_000): Query => ({ id, deadlineMs, ask });

async function lives(session: HostileSession, id: string): Promise<void> {
  expect((await controller.ask(session, query(id))).at(-1)?.part?.$case).toBe('end');
  expect([session.isOver, controller.sessions.length]).toEqual([false, 1]);
}

const plan = (planId: string): Query =>
  query(`freeze-${planId}-${performance.now()}`, {
    $case: 'plan',
    value: {
      planId,
      filter: { node: { $case: 'everything', value: true } },
      method: Method.METHOD_DELETE,
      expiresAtMs: BigInt(Date.now() + 300_000),
      maxFlows: 1000,
    },
  });

/** The plan's digest. */
async function freeze(session: HostileSession, planId = PLAN): Promise<Buffer> {
  const last = (await controller.ask(session, plan(planId))).at(-1)?.part;
  return Buffer.from(last?.$case === 'end' ? last.value.digest : []);
}

const run = (digest: Buffer, change: Partial<Command> = {}, planId = PLAN): Command => ({
  id: 'c1',
  seq: 1n,
  epoch: 1n,
  notAfterMs: BigInt(Date.now() + 60_000),
  ...change,
  work: { $case: 'runPlan', value: { planId, digest, method: Method.METHOD_DELETE, verifyAfterMs: 0, undoForSeconds: 300 } },
});

describe('a session', () => {
  it('works from the welcome to the receipt: a query, a plan, a command, its result, its undo, a ping', async () => {
    await controller.startAgent({ table: new HeldTable() });
    const session = await controller.session();
    expect((await controller.ask(session, query('q'))).map(({ part }) => part?.$case)).toEqual(['head', 'flows', 'end']);
    const digest = await freeze(session);
    expect(await controller.command(session, run(digest))).toMatchObject({
      state: Result_State.STATE_DONE,
      runs: [{ outcome: Outcome.OUTCOME_DELETED, count: FLOWS }],
    });
    await session.send({ $case: 'resultReceipt', value: { commandId: 'c1' } });
    const undo: Command = { ...run(digest, { id: 'u1', seq: 2n }), work: { $case: 'undoPlan', value: { planId: PLAN, commandId: 'c1' } } };
    expect(await controller.command(session, undo)).toMatchObject({
      state: Result_State.STATE_DONE,
      runs: [{ outcome: Outcome.OUTCOME_RESTORED, count: FLOWS }],
    });
    const sentAtMs = BigInt(Date.now());
    await session.send({ $case: 'ping', value: { sentAtMs } });
    await until('it answered the ping', () => session.all('pong').find((pong) => pong.sentAtMs === sentAtMs));
    await lives(session, 'still-there');
  });
});

describe('an error thrown by a callback', () => {
  it('ends neither process nor session: with a broken disk messages are accepted, with a sound one all resumes', async () => {
    const disk = new BreakableFiles();
    const table = new HeldTable();
    const { stateDir } = await controller.startAgent({ table, files: disk.files });
    const session = await controller.session();
    const digest = await freeze(session);
    expect(await controller.command(session, run(digest))).toMatchObject({ state: Result_State.STATE_DONE });
    disk.isBroken = true;
    await session.send({ $case: 'resultReceipt', value: { commandId: 'c1' } });
    await session.send({
      $case: 'auditCheckpoint',
      value: { chain: 'chain', seq: 1n, hash: 'ab', atMs: 1n, signature: Buffer.alloc(64), keyId: 'k' },
    });
    await session.send({
      $case: 'remediations',
      value: {
        remediations: [{ id: 'r', revision: 1, document: '{}', limits: undefined, isApproved: false, delaySeconds: 0 }],
        digest: Buffer.alloc(16),
      },
    });
    await session.send({ $case: 'remediationRunReceipt', value: { runId: PLAN } });
    await session.send({ $case: 'stop', value: { commandIds: ['c2'] } });
    expect(await controller.command(session, run(digest, { id: 'c3', seq: 3n }))).toMatchObject({
      state: Result_State.STATE_FAILED,
      reason: 'UNAVAILABLE',
    });
    expect((await controller.ask(session, plan(planOf(2))))[0]?.part).toMatchObject({ $case: 'failure' });
    await lives(session, 'on-a-broken-disk');
    disk.isBroken = false;
    mkdirSync(path.join(stateDir, 'undo'), { recursive: true });
    for (const name of ['c1', 'c8', 'c9']) writeFileSync(path.join(stateDir, 'undo', name), '{"planId":');
    const undo: Command = { ...run(digest, { id: 'u4', seq: 4n }), work: { $case: 'undoPlan', value: { planId: PLAN, commandId: 'c8' } } };
    expect(await controller.command(session, undo)).toMatchObject({ state: Result_State.STATE_REFUSED, reason: 'PLAN_EXPIRED' });
    await session.send({ $case: 'resultReceipt', value: { commandId: 'c1' } });
    table.fill();
    expect(await controller.command(session, run(await freeze(session, planOf(3)), { id: 'c5', seq: 5n }, planOf(3)))).toMatchObject({
      state: Result_State.STATE_DONE,
      runs: [{ outcome: Outcome.OUTCOME_DELETED, count: FLOWS }],
    });
    await lives(session, 'on-a-sound-disk');
  });
});

describe('more queries than are allowed', () => {
  it('are refused or skipped, and the next honest one is answered', async () => {
    const table = new HeldTable();
    await controller.startAgent({ table });
    const session = await controller.session();
    table.isHeld = true;
    controller.takesAnswers = false;
    for (let n = 0; n < 500; n++) await session.send({ $case: 'query', value: query(`q${n}`, search(), 120_000) });
    const refused = () =>
      [...controller.answers.values()].filter(([first]) => first?.part?.$case === 'failure' && first.part.value.code === 'RATE_LIMITED')
        .length;
    await until('those beyond the queue’s limit are refused', () => refused() >= 28 || undefined);
    await session.send({ $case: 'ping', value: { sentAtMs: BigInt(Date.now()) } });
    await until('all were read', () => session.all('pong').length > 0 || undefined);
    // Four being answered, 32 queued, 28 refused; each refusal that nobody closes costs a stream, and so no more of them are made.
    expect([controller.answerStreams, refused()]).toEqual([32, 28]);
    controller.takesAnswers = true;
    // Queued ones leave the queue when they are cancelled, although the four before them are still being answered.
    for (let n = 4; n < 64; n++) await session.send({ $case: 'cancelQuery', value: { queryId: `q${n}` } });
    const honest = lives(session, 'honest');
    await session.send({ $case: 'ping', value: { sentAtMs: BigInt(Date.now()) } });
    await until('the honest one was read', () => session.all('pong').length > 1 || undefined);
    table.isHeld = false;
    await honest;
  });

  it('a plan that waits for another does not delay a search', async () => {
    const table = new HeldTable();
    let frozen = 0;
    let goOn: () => void = () => undefined;
    const held = new Promise<void>((resolve) => {
      goOn = resolve;
    });
    const collect = table.collect.bind(table);
    table.collect = async function* (options) {
      frozen++;
      await held;
      yield* collect(options);
    };
    await controller.startAgent({ table });
    const session = await controller.session();
    const plans = Array.from({ length: 6 }, (_, n) => plan(planOf(n)));
    for (const value of plans) await session.send({ $case: 'query', value });
    await lives(session, 'beside-plans');
    expect(frozen).toBe(1);
    goOn();
    for (const { id } of plans) await until('it is frozen', () => controller.answers.get(id)?.find(({ part }) => part?.$case === 'end'));
    expect(frozen).toBe(6);
  });
});
