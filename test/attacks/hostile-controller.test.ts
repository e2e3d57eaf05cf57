import { status } from '@grpc/grpc-js';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { systemClock } from '../../agent/time/clock.ts';
import { MemoryTable } from '../../agent/conntrack/memory/memory-table.ts';
import type { Query, SearchQuery } from '../../proto/gen/ctfleet/v1/link.ts';
import { Filter } from '../../proto/gen/ctfleet/v1/flow.ts';
import { Method, Outcome, Result_State, type Command } from '../../proto/gen/ctfleet/v1/operation.ts';
import { HostileController, type HostileSession } from '../support/hostile-controller.ts';
import { entryOf } from '../support/sample-entries.ts';
import { until } from '../support/until.ts';

const MAX_UINT32 = 2 ** 32 - 1;
const MAX_UINT64 = 2n ** 64n - 1n;
const PLAN = '01900000-0000-7000-8000-000000000001';
const EVERYTHING: Filter = { node: { $case: 'everything', value: true } };

let controller: HostileController;
beforeEach(async () => {
  controller = await HostileController.start();
});
afterEach(() => controller.end());

function tableOf(count: number): MemoryTable {
  const table = new MemoryTable({ now: Date.now });
  for (let n = 0; n < count; n++)
    table.insert(
      entryOf({ proto: 17, orig: { src: '10.1.0.1', dst: '198.51.100.10', sport: 1000 + n, dport: 5060 }, timeoutSeconds: 86_400 }),
    );
  return table;
}

const search = (change: Partial<SearchQuery> = {}): Query['ask'] => ({
  $case: 'search',
  value: { filter: EVERYTHING, sort: '', descending: false, limit: 10, withFacets: false, after: undefined, ...change },
});
const query = (id: string, ask: Query['ask'], deadlineMs = 20_000): Query => ({ id, deadlineMs, ask });

/** The session still works: a query on it is answered. */
async function lives(session: HostileSession, id = 'are-you-there'): Promise<void> {
  const parts = await controller.ask(session, query(id, search()));
  expect(parts.at(-1)?.part?.$case).toBe('end');
  expect(session.isOver).toBe(false);
}

/** The newest session works, or will once the agent has finished its earlier work. */
function livesSoon(): Promise<true> {
  return until('a query is answered', async () => {
    const session = controller.sessions.at(-1)!;
    return (
      (await Promise.race([lives(session, `again-${performance.now()}`).then(() => true as const), systemClock.delay(1000)])) || undefined
    );
  });
}

async function freeze(session: HostileSession, planId = PLAN): Promise<Buffer> {
  const parts = await controller.ask(
    session,
    query(`plan-${planId}`, {
      $case: 'plan',
      value: { planId, filter: EVERYTHING, method: Method.METHOD_DELETE, expiresAtMs: MAX_UINT64, maxFlows: MAX_UINT32 },
    }),
  );
  const last = parts.at(-1)?.part;
  return Buffer.from(last?.$case === 'end' ? last.value.digest : []);
}

const run = (digest: Buffer, change: Partial<Command> = {}): Command => ({
  id: 'c1',
  seq: 1n,
  epoch: 1n,
  notAfterMs: BigInt(Date.now() + 60_000),
  work: { $case: 'runPlan', value: { planId: PLAN, digest, method: Method.METHOD_DELETE, verifyAfterMs: 0 } },
  ...change,
});

describe('what an agent cannot decode', () => {
  it('is reported with its size and skipped, and the session stays open', async () => {
    await controller.startAgent();
    const session = await controller.session();
    await session.sendRaw(Buffer.from([0x0a, 0xff, 0xff]));
    await until('the agent reported it', () => session.all('unreadable')[0]);
    expect(session.all('unreadable')[0]).toMatchObject({ bytes: 3, detail: expect.stringMatching(/./) });
    await lives(session);
  });

  it('may be any bytes at all: none ends the process, and queries are answered between them', async () => {
    await controller.startAgent();
    await controller.session();
    const before = process.memoryUsage().rss;
    let seed = 1;
    const random = () => (seed = (seed * 1_103_515_245 + 12_345) % 2 ** 31) / 2 ** 31;
    for (let round = 0; round < 10; round++) {
      const session = controller.sessions.at(-1)!;
      for (let frame = 0; frame < 1000; frame++)
        await session.sendRaw(Buffer.from(Array.from({ length: 1 + Math.floor(random() * 40) }, () => Math.floor(random() * 256))));
      // Among them may be a ping with an absurd time, which makes the agent begin a new session; nothing worse.
      await livesSoon();
    }
    expect((process.memoryUsage().rss - before) / 2 ** 20).toBeLessThan(100);
  });

  it('is refused where a query is about no packet, and settings are told between such queries', async () => {
    await controller.startAgent();
    const session = await controller.session();
    for (const [id, change] of Object.entries({ a: { src: Buffer.alloc(3) }, b: { dport: MAX_UINT32 }, c: { proto: 4000 } })) {
      const value = { proto: 17, src: Buffer.alloc(4), dst: Buffer.alloc(4), iif: '', ...change };
      expect((await controller.ask(session, query(id, { $case: 'tracking', value })))[0]?.part).toMatchObject({
        $case: 'failure',
        value: { code: 'INVALID_REQUEST' },
      });
    }
    const [head] = await controller.ask(session, query('settings', { $case: 'policy', value: {} }));
    expect(head?.part).toMatchObject({ $case: 'head', value: { policy: { settings: { nf_conntrack_udp_timeout: 30n } } } });
  });

  it('is refused where it would end what is no expectation, and helpers are told of between such queries', async () => {
    await controller.startAgent();
    const session = await controller.session();
    const tuple = { src: Buffer.alloc(4), dst: Buffer.alloc(4), sport: 1, dport: 2 };
    const sound = { id: 1, family: 4, proto: 6, tuple, mask: tuple, master: tuple, masterProto: 6, helper: 'ftp', isPermanent: false };
    const lists = {
      a: [{ ...sound, tuple: undefined }],
      b: [{ ...sound, family: 9 }],
      c: [{ ...sound, zone: MAX_UINT32 }],
      d: Array.from({ length: 501 }, () => sound),
    };
    for (const [id, expectations] of Object.entries(lists))
      expect((await controller.ask(session, query(id, { $case: 'endExpectations', value: { expectations } })))[0]?.part).toMatchObject({
        $case: 'failure',
        value: { code: 'INVALID_REQUEST' },
      });
    const [head] = await controller.ask(session, query('listed', { $case: 'expectations', value: { limit: MAX_UINT32 } }));
    expect(head?.part).toMatchObject({ $case: 'head', value: { expectations: { expectations: [], left: 0 } } });
    const [ended] = await controller.ask(session, query('ended', { $case: 'endExpectations', value: { expectations: [sound] } }));
    expect(ended?.part).toMatchObject({ $case: 'head', value: { expectationsEnded: { deleted: 0, gone: 1, failed: 0 } } });
  });

  it('is reported even when only the filter of a query is nested too deep', async () => {
    await controller.startAgent();
    const session = await controller.session();
    const nested = (depth: number): Filter => (depth === 0 ? EVERYTHING : { node: { $case: 'not', value: nested(depth - 1) } });
    const parts = await controller.ask(session, query('deep', search({ filter: nested(65) })));
    expect(parts[0]?.part).toMatchObject({ $case: 'failure', value: { code: 'FILTER_UNSUPPORTED' } });
    const wide: Filter = { node: { $case: 'and', value: { operands: Array.from({ length: 5000 }, () => EVERYTHING) } } };
    expect((await controller.ask(session, query('wide', search({ filter: wide }))))[0]?.part).toMatchObject({
      $case: 'failure',
      value: { code: 'FILTER_UNSUPPORTED' },
    });
    await session.sendRaw(deepQuery(20_000));
    await lives(session);
  });
});

describe('numbers that no honest controller sends', () => {
  it('are clamped when they are part of a query', async () => {
    await controller.startAgent({ table: tableOf(50) });
    const session = await controller.session();
    expect(
      (await controller.ask(session, query('q', search({ limit: MAX_UINT32, maxAgeMs: MAX_UINT32 }), MAX_UINT32))).at(-1)?.part,
    ).toMatchObject({ $case: 'end', value: { rows: 50 } });
    await session.send({ $case: 'query', value: query('no-time', search(), 0) });
    await session.send({ $case: 'query', value: query('x'.repeat(100_000), search()) });
    await session.send({ $case: 'query', value: query('nothing', undefined) });
    await lives(session);
  });

  it('a flood of queries is answered up to the queue’s limit, and the rest is skipped', async () => {
    await controller.startAgent({ table: tableOf(50) });
    const session = await controller.session();
    for (let n = 0; n < 5000; n++) await session.send({ $case: 'query', value: query(`flood-${n}`, search()) });
    await livesSoon();
    expect(controller.answers.size).toBeLessThan(5001);
  });

  it('a sequence or epoch that cannot be honest is refused, and the next honest command runs', async () => {
    await controller.startAgent({ table: tableOf(20) });
    const session = await controller.session();
    const digest = await freeze(session);
    expect(await controller.command(session, run(digest, { id: 'jump', seq: MAX_UINT64 }))).toMatchObject({
      state: Result_State.STATE_REFUSED,
      reason: 'COMMAND_OUT_OF_ORDER',
    });
    expect(await controller.command(session, run(digest, { id: 'epoch', epoch: MAX_UINT64 }))).toMatchObject({
      state: Result_State.STATE_REFUSED,
      reason: 'COMMAND_OUT_OF_ORDER',
    });
    expect(await controller.command(session, run(digest, { id: 'y'.repeat(10_000) }))).toMatchObject({
      state: Result_State.STATE_REFUSED,
      reason: 'INVALID_REQUEST',
    });
    expect(await controller.command(session, run(digest))).toMatchObject({
      state: Result_State.STATE_DONE,
      runs: [{ outcome: Outcome.OUTCOME_DELETED, count: 20 }],
    });
  });

  it('a command cannot hold the queue for longer than a minute', async () => {
    const clock = {
      ...systemClock,
      delay: (ms: number, signal?: AbortSignal) => (waits.push(ms), systemClock.delay(Math.min(ms, 50), signal)),
    };
    const waits: number[] = [];
    await controller.startAgent({ table: tableOf(20), clock });
    const session = await controller.session();
    const digest = await freeze(session);
    const held = run(digest, {
      work: {
        $case: 'runPlan',
        value: {
          planId: PLAN,
          digest,
          method: Method.METHOD_DELETE,
          verifyAfterMs: MAX_UINT32,
          forSeconds: MAX_UINT32,
          undoForSeconds: MAX_UINT32,
        },
      },
    });
    const result = await controller.command(session, held);
    expect(waits.filter((ms) => ms > 60_000 && ms < 600_000)).toEqual([]);
    expect(Number(result.undoUntilMs)).toBeLessThanOrEqual(Date.now() + 3_700_000);
  });

  it('a sample is taken at most once a second', async () => {
    await controller.end();
    controller = await HostileController.start({ welcome: () => ({ sampleIntervalMs: 0, pingIntervalMs: 0 }) });
    const waits: number[] = [];
    await controller.startAgent({
      clock: { ...systemClock, delay: (ms, signal) => (waits.push(ms), systemClock.delay(ms === 10_000 ? 500 : ms, signal)) },
    });
    await until('the welcome has taken effect', () => waits.includes(1000) || undefined);
    expect(waits.filter((ms) => ms < 250)).toEqual([]);
    await livesSoon();
  });
});

describe('lists that are too long', () => {
  it('of stops, remediations and checkpoints are obeyed as far as a gateway needs, and reported', async () => {
    const { stateDir } = await controller.startAgent();
    const session = await controller.session();
    await session.send({ $case: 'stop', value: { commandIds: Array.from({ length: 20_000 }, (_, n) => `c${n}`) } });
    await session.send({ $case: 'stop', value: { commandIds: ['z'.repeat(200_000)] } });
    await session.send({
      $case: 'remediations',
      value: {
        remediations: Array.from({ length: 10_000 }, (_, n) => ({
          id: `r${n}`,
          revision: 1,
          document: '{}',
          limits: undefined,
          isApproved: false,
          delaySeconds: 0,
        })),
        digest: Buffer.alloc(16, 1),
      },
    });
    await session.send({
      $case: 'remediations',
      value: {
        remediations: [
          { id: 'r', revision: 1, document: 'x'.repeat(200_000), limits: undefined, isApproved: true, delaySeconds: MAX_UINT32 },
        ],
        digest: Buffer.alloc(40_000),
      },
    });
    for (let n = 0; n < 2000; n++) {
      await session.send({
        $case: 'auditCheckpoint',
        value: { chain: `chain-${n}`, seq: MAX_UINT64, hash: 'ab', atMs: MAX_UINT64, signature: Buffer.alloc(64), keyId: 'k' },
      });
    }
    await lives(session);
    expect(stateDir).toBeTruthy();
  });

  it('of ids nobody knows are skipped: receipts for what was never sent, cancels for what was never asked', async () => {
    await controller.startAgent();
    const session = await controller.session();
    await session.send({ $case: 'resultReceipt', value: { commandId: '../../etc/passwd' } });
    await session.send({ $case: 'cancelQuery', value: { queryId: 'none' } });
    await session.send({ $case: 'sampleReceipt', value: { batch: MAX_UINT64 } });
    await session.send({
      $case: 'welcome',
      value: { epoch: MAX_UINT64, controllerTimeMs: 0n, sampleIntervalMs: 0, gatewayId: '', pingIntervalMs: 0 },
    });
    await lives(session);
  });
});

describe('the controller’s time', () => {
  it.each([
    ['the year 9999', 253_402_300_799_999n],
    ['no time at all', MAX_UINT64],
    ['1970', 1n],
    ['zero', 0n],
  ])('(%s) in a ping does no more than begin a new session', async (_, sentAtMs) => {
    await controller.startAgent({ table: tableOf(20) });
    const session = await controller.session();
    await session.send({ $case: 'ping', value: { sentAtMs } });
    await session.send({ $case: 'ping', value: { sentAtMs: BigInt(Date.now()) } });
    const next = await controller.session(2);
    const digest = await freeze(next);
    expect(await controller.command(next, run(digest))).toMatchObject({ state: Result_State.STATE_DONE });
  });
});

describe('a refusal', () => {
  it('that says how long to stay away is obeyed, for ten minutes at most', async () => {
    const waits: number[] = [];
    controller.onSession = (session) =>
      session.refuse(status.RESOURCE_EXHAUSTED, 'too much', {
        'ctfleet-retry-after-seconds': controller.sessions.length === 1 ? '7' : '999999999',
      });
    await controller.startAgent({
      clock: { ...systemClock, delay: (ms, signal) => (waits.push(ms), systemClock.delay(Math.min(ms, 200), signal)) },
    });
    await until('it was refused twice', () => (waits.includes(7_000) && waits.includes(600_000)) || undefined);
  });
});

/** A query whose filter is nested this deep, built without recursion: tags of `not`, then of what holds the filter. */
function deepQuery(depth: number): Uint8Array {
  const parts = [Buffer.from(Filter.encode(EVERYTHING).finish())];
  let length = parts[0]!.length;
  for (const tag of [...Array.from({ length: depth }, () => 0x22), 0x0a, 0x1a, 0x12]) {
    const head = Buffer.concat([Buffer.from([tag]), varint(length)]);
    parts.push(head);
    length += head.length;
  }
  return Buffer.concat(parts.reverse());
}

function varint(value: number): Buffer {
  const bytes: number[] = [];
  for (let rest = value; ; rest >>>= 7) {
    if (rest < 0x80) return Buffer.from([...bytes, rest]);
    bytes.push((rest & 0x7f) | 0x80);
  }
}
