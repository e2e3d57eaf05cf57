import { mkdirSync, mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { pino } from 'pino';
import { afterAll, afterEach, describe, expect, it } from 'vitest';
import { Method, Outcome } from '../../proto/gen/ctfleet/v1/operation.ts';
import { RemediationRun, RemediationRun_State as State, type Remediation } from '../../proto/gen/ctfleet/v1/remediation.ts';
import type { Flow } from '../../proto/model/flow.ts';
import { parseAddress } from '../../proto/model/address.ts';
import { entryOf } from '../../test/support/sample-entries.ts';
import { until } from '../../test/support/until.ts';
import type { Wan } from '../wans/wans.ts';
import { MemoryTable } from '../conntrack/memory/memory-table.ts';
import type { FlowContext } from '../conntrack/table.ts';
import { Lately } from '../operations/lately.ts';
import { LocalGuard, NO_RULES } from '../operations/local-guard.ts';
import { Remediations } from './remediations.ts';
import { remediationsFolder, RunLog } from './run-log.ts';
import { RunReports } from './run-reports.ts';
import { filterOf } from '../../test/support/filter-of.ts';

const root = mkdtempSync(path.join(os.tmpdir(), 'ctfleet-remediations-'));
afterAll(() => rmSync(root, { recursive: true }));
const stops: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const stop of stops.splice(0)) await stop();
});

const ID = '01900000-0000-7000-8000-000000000001';
const WANS: Wan[] = ['192.0.2.1', '198.51.100.1'].map((address, index) => ({
  name: `wan${index + 1}`,
  interface: `wan${index + 1}`,
  addresses: [parseAddress(address)!],
  isUp: true,
  carriesDefaultRoute: index === 0,
}));
const WAN1_DOWN: Wan[] = [
  { ...WANS[0]!, isUp: false, carriesDefaultRoute: false },
  { ...WANS[1]!, carriesDefaultRoute: true },
];

const wireOf = (change: object = {}, id = ID, revision = 1): Remediation => ({
  id,
  revision,
  document: JSON.stringify({
    name: 'WAN down',
    mode: 'auto',
    trigger: { kind: 'wan-down' },
    filter: 'wan:$wan -dport:22',
    steps: { verifyAfterSeconds: 0 },
    limits: { coolDownSeconds: 0, maxPercentOfTable: 100 },
    ...change,
  }),
  isApproved: false,
  delaySeconds: 0,
});

interface Options {
  stateDir?: string;
  table?: MemoryTable;
  guard?: LocalGuard;
  onDelete?: () => void;
}

/** A gateway's remediations over a memory table with ten flows via wan1 and five via wan2; time advances only by delays. */
function gateway({
  stateDir = mkdtempSync(path.join(root, 'agent-')),
  table = filled(),
  guard = new LocalGuard(() => NO_RULES, new Lately(() => 0)),
  onDelete,
}: Options = {}) {
  const clock = { ms: 1_000_000_000 };
  const context = (): FlowContext => ({ wans: WANS, protections: [] });
  const remove = table.delete.bind(table);
  if (onDelete) table.delete = (flows) => remove(flows).finally(onDelete);
  let reported = 0;
  const runs = new RunLog(remediationsFolder(stateDir));
  const reports = new RunReports(runs, { offsetMs: () => 5000 });
  const remediations = new Remediations({
    stateDir,
    table,
    guard,
    context,
    log: pino({ level: 'silent' }),
    runs,
    reports,
    onReport: () => reported++,
    clock: {
      now: () => clock.ms,
      delay: (ms, signal) =>
        ms >= 1000
          ? new Promise((resolve) => {
              if (signal?.aborted) resolve();
              else signal?.addEventListener('abort', () => resolve(), { once: true });
            })
          : Promise.resolve(),
    },
  });
  const end = new AbortController();
  const running = remediations.run(end.signal);
  const stop = async (): Promise<void> => {
    end.abort();
    await running;
  };
  stops.push(stop);
  remediations.observeWans(WANS);
  const flows = async (text: string): Promise<Flow[]> =>
    (
      await table.search({
        filter: filterOf(text),
        context: context(),
        limit: 10_000,
      })
    ).rows;
  return {
    stateDir,
    table,
    clock,
    remediations,
    flows,
    stop,
    next: () => reports.take(),
    reports: (count: number) => until(`${count} reports`, () => reported >= count || undefined),
    said: () => [...said(reports)],
  };
}

/** All messages that a session would be sent now. */
function* said(reports: RunReports): Generator<RemediationRun> {
  reports.reset();
  for (let part = reports.take(); part; part = reports.take()) yield part;
}

function filled(perWan = 10): MemoryTable {
  const table = new MemoryTable({ now: () => 1_000_000_000 });
  for (let n = 0; n < perWan; n++)
    table.insert(
      entryOf({ proto: 17, orig: { src: '10.1.0.1', dst: '203.0.113.9', sport: 1000 + n, dport: 5060 }, reply: { dst: '192.0.2.1' } }),
    );
  for (let n = 0; n < 5; n++)
    table.insert(
      entryOf({ proto: 17, orig: { src: '10.1.0.2', dst: '203.0.113.9', sport: 1000 + n, dport: 5060 }, reply: { dst: '198.51.100.1' } }),
    );
  return table;
}

describe('a WAN goes down', () => {
  it('and exactly its flows are ended and listed one by one in the report, with times of the controller’s clock', async () => {
    const { remediations, flows, reports, said } = gateway();
    remediations.replace([wireOf()]);
    remediations.observeWans(WAN1_DOWN);
    await reports(1);
    expect([await flows('wan:wan1'), await flows('wan:wan2')].map(({ length }) => length)).toEqual([0, 5]);
    const [run] = said();
    expect(run).toMatchObject({
      remediationId: ID,
      revision: 1,
      state: State.STATE_DONE,
      trigger: 'wan1 went down',
      wan: 'wan1',
      matched: 10,
      filter: 'wan:"wan1" -dport:22',
      method: Method.METHOD_DELETE,
      triggeredAtMs: 1_000_005_000n,
      isLastPart: true,
      sweeps: [{ number: 1, runs: [{ outcome: Outcome.OUTCOME_DELETED, count: 10 }] }],
    });
    expect(run!.sweeps[0]!.flows.map(({ orig }) => orig!.sport).toSorted()).toEqual(Array.from({ length: 10 }, (_, n) => 1000 + n));
    expect(run!.id).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-7/);
  });

  it('and what comes back is ended by another sweep, up to the allowed number of sweeps', async () => {
    let born = 0;
    const table = filled();
    const { remediations, reports, said, flows } = gateway({
      table,
      onDelete: () =>
        table.insert(
          entryOf({
            proto: 17,
            orig: { src: '10.1.0.7', dst: '203.0.113.9', sport: 7000 + born++, dport: 53 },
            reply: { dst: '192.0.2.1' },
          }),
        ),
    });
    remediations.replace([wireOf({ steps: { verifyAfterSeconds: 0, sweeps: 2 } })]);
    remediations.observeWans(WAN1_DOWN);
    await reports(1);
    expect(said()[0]!.sweeps.map(({ number, flows: { length } }) => [number, length])).toEqual([
      [1, 10],
      [2, 1],
      [3, 1],
    ]);
    expect(await flows('wan:wan1')).toHaveLength(1);
  });

  it.each([
    ['observe', State.STATE_OBSERVED],
    ['suggest', State.STATE_SUGGESTED],
  ])('and in mode %s nothing is touched, and at most a thousand flows are listed', async (mode, state) => {
    const { remediations, reports, said, flows } = gateway({ table: filled(1200) });
    remediations.replace([wireOf({ mode })]);
    remediations.observeWans(WAN1_DOWN);
    await reports(1);
    const parts = said();
    expect(parts.at(-1)).toMatchObject({ state, matched: 1200 });
    expect(parts.flatMap(({ sweeps }) => sweeps).reduce((sum, sweep) => sum + sweep.flows.length, 0)).toBe(1000);
    expect(await flows('wan:wan1')).toHaveLength(1200);
  });

  it('and a long report is split into parts below 256 KiB that add up, each flow with its outcome', async () => {
    const { remediations, reports, said } = gateway({
      table: filled(5000),
      guard: new LocalGuard(() => ({ ...NO_RULES, mostPercentOfTable: 100 }), new Lately(() => 0)),
    });
    remediations.replace([wireOf()]);
    remediations.observeWans(WAN1_DOWN);
    await reports(1);
    const parts = said();
    expect(parts.length).toBeGreaterThan(2);
    expect(Math.max(...parts.map((part) => RemediationRun.encode(part).finish().length))).toBeLessThan(256 * 1024);
    expect(parts.map(({ part, isLastPart }) => [part, isLastPart])).toEqual(parts.map((_, index) => [index, index === parts.length - 1]));
    const sweeps = parts.flatMap((part) => part.sweeps);
    for (const { flows, runs } of sweeps) expect(runs.reduce((sum, { count }) => sum + count, 0)).toBe(flows.length);
    expect(new Set(sweeps.flatMap(({ flows }) => flows.map(({ id }) => id))).size).toBe(5000);
  });
});

describe('nothing is touched, and it is reported once', () => {
  it.each([
    [
      'more matches than maxFlows',
      { limits: { maxFlows: 9, maxPercentOfTable: 100 } },
      'PLAN_TOO_LARGE',
      /10 flows match, and maxFlows is 9/,
    ],
    ['more of the table than maxPercentOfTable', { limits: { maxPercentOfTable: 66 } }, 'PLAN_TOO_LARGE', /10 of 15 flows match/],
    ['a method that does not work here', { method: 'reset' }, 'CAPABILITY_MISSING', /neither reset nor blocked/],
  ])('%s', async (_, change, reason, detail) => {
    const { remediations, reports, said, flows } = gateway();
    remediations.replace([wireOf(change)]);
    remediations.observeWans(WAN1_DOWN);
    await reports(1);
    for (let n = 0; n < 3; n++) remediations.observeWans(WAN1_DOWN);
    expect(said()).toMatchObject([{ state: State.STATE_REFUSED, reason, detail: expect.stringMatching(detail), sweeps: [] }]);
    expect(await flows('wan:wan1')).toHaveLength(10);
  });

  it('the guard file of the gateway', async () => {
    const { remediations, reports, said, flows } = gateway({
      guard: new LocalGuard(() => ({ ...NO_RULES, isReadOnly: true }), new Lately(() => 0)),
    });
    remediations.replace([wireOf()]);
    remediations.observeWans(WAN1_DOWN);
    await reports(1);
    expect(said()).toMatchObject([{ state: State.STATE_REFUSED, reason: 'GUARD_REFUSED', matched: 10 }]);
    expect(await flows('wan:wan1')).toHaveLength(10);
  });

  it('more than the tenant lets one person end, without a second person’s approval', async () => {
    for (const [isApproved, state] of [
      [false, State.STATE_REFUSED],
      [true, State.STATE_DONE],
    ] as const) {
      const { remediations, reports, said } = gateway();
      remediations.replace([{ ...wireOf(), limits: { flows: 9, percentOfTable: undefined }, isApproved }]);
      remediations.observeWans(WAN1_DOWN);
      await reports(1);
      expect(said()).toMatchObject([
        {
          state,
          ...(state === State.STATE_REFUSED && {
            reason: 'APPROVAL_NEEDED',
            detail: expect.stringContaining('10 flows are more than the 9'),
            sweeps: [],
          }),
        },
      ]);
    }
  });

  it('all sweeps of a run, and all runs of ten minutes, count together against what one person may end', async () => {
    let born = 0;
    const table = filled();
    const { remediations, reports, said, flows } = gateway({
      table,
      onDelete: () =>
        table.insert(
          entryOf({
            proto: 17,
            orig: { src: '10.1.0.7', dst: '203.0.113.9', sport: 7000 + born++, dport: 53 },
            reply: { dst: '192.0.2.1' },
          }),
        ),
    });
    remediations.replace([
      { ...wireOf({ steps: { verifyAfterSeconds: 0, sweeps: 10 } }), limits: { flows: 12, percentOfTable: undefined } },
    ]);
    remediations.observeWans(WAN1_DOWN);
    await reports(1);
    expect(said()[0]).toMatchObject({
      state: State.STATE_DONE,
      reason: 'APPROVAL_NEEDED',
      sweeps: [{ number: 1 }, { number: 2 }, { number: 3 }],
    });
    expect(await flows('wan:wan1')).toHaveLength(1);
    remediations.replace([{ ...wireOf({}, ID, 2), limits: { flows: 12, percentOfTable: undefined } }]);
    await reports(2);
    expect(said()[1]).toMatchObject({ revision: 2, state: State.STATE_REFUSED, reason: 'APPROVAL_NEEDED' });
  });

  it('more runs an hour than allowed, even after a restart', async () => {
    const first = gateway();
    const limits = { coolDownSeconds: 0, maxPercentOfTable: 100, maxRunsAnHour: 1 };
    first.remediations.replace([wireOf({ limits })]);
    first.remediations.observeWans(WAN1_DOWN);
    await first.reports(1);
    await first.stop();
    const again = gateway({ stateDir: first.stateDir });
    again.remediations.observeWans(WAN1_DOWN);
    await again.reports(1);
    expect(again.said().map(({ state, reason }) => [state, reason])).toEqual([
      [State.STATE_DONE, ''],
      [State.STATE_REFUSED, 'RATE_LIMITED'],
    ]);
    expect(await again.flows('wan:wan1')).toHaveLength(10);
  });
});

describe('the set of remediations', () => {
  it('is known by the controller’s word for it while it is in force, and by none of an older controller or after a start', async () => {
    const first = gateway();
    const { remediations } = first;
    expect(remediations.digest).toHaveLength(0);
    const digest = Buffer.alloc(16, 7);
    remediations.replace([wireOf()], digest);
    expect(remediations.digest).toEqual(digest);
    // What is refused, or cannot be stored, leaves the one before in force.
    remediations.replace(
      Array.from({ length: 501 }, () => wireOf()),
      Buffer.alloc(16, 8),
    );
    expect(remediations.digest).toEqual(digest);
    rmSync(path.join(first.stateDir, 'remediations'), { recursive: true });
    writeFileSync(path.join(first.stateDir, 'remediations'), 'no folder');
    remediations.replace([], Buffer.alloc(16, 9));
    expect(remediations.digest).toEqual(digest);
    rmSync(path.join(first.stateDir, 'remediations'));
    mkdirSync(path.join(first.stateDir, 'remediations'));
    remediations.replace([]);
    expect(remediations.digest).toHaveLength(0);
    remediations.replace([], Buffer.alloc(100_000));
    expect(remediations.digest).toHaveLength(0);
    remediations.replace([], digest);
    await first.stop();
    expect(gateway({ stateDir: first.stateDir }).remediations.digest).toHaveLength(0);
  });

  it('survives a restart without a controller, readable by this user only', async () => {
    const first = gateway();
    first.remediations.replace([wireOf()]);
    expect(statSync(path.join(first.stateDir, 'remediations/set.json')).mode & 0o777).toBe(0o600);
    await first.stop();
    const again = gateway({ stateDir: first.stateDir });
    again.remediations.observeWans(WAN1_DOWN);
    await again.reports(1);
    expect(await again.flows('wan:wan1')).toEqual([]);
  });

  it.each([
    ['is not JSON', '{'],
    ['has a key that this agent does not know', JSON.stringify({ ...(JSON.parse(wireOf().document) as object), unless: 'sunday' })],
    ['has a trigger of the controller', JSON.stringify({ ...(JSON.parse(wireOf().document) as object), trigger: { kind: 'manual' } })],
    ['has an invalid filter', wireOf({ filter: 'wan:$wan dport:' }).document],
    ['names no flows', wireOf({ filter: '()' }).document],
    ['uses a placeholder that its trigger does not provide', wireOf({ trigger: { kind: 'table-usage', abovePercent: 80 } }).document],
  ])('rejects as a whole a document that %s, reports it once, and keeps the others', async (_, document) => {
    const { remediations, reports, said, flows } = gateway();
    const bad = { id: '01900000-0000-7000-8000-000000000002', revision: 3, document, isApproved: false, delaySeconds: 0 };
    remediations.replace([bad, wireOf()]);
    remediations.replace([bad, wireOf()]);
    expect(Object.keys(remediations.cannot())).toEqual([`remediation ${bad.id}`]);
    remediations.observeWans(WAN1_DOWN);
    await reports(2);
    expect(said().map(({ remediationId, state, reason }) => [remediationId, state, reason])).toEqual([
      [bad.id, State.STATE_REFUSED, 'CAPABILITY_MISSING'],
      [ID, State.STATE_DONE, ''],
    ]);
    expect(await flows('wan:wan1')).toEqual([]);
  });

  it('is empty when its file cannot be read, and the agent reports it', () => {
    const stateDir = mkdtempSync(path.join(root, 'agent-'));
    mkdirSync(path.join(stateDir, 'remediations'));
    writeFileSync(path.join(stateDir, 'remediations/set.json'), '{ torn');
    expect(Object.values(gateway({ stateDir }).remediations.cannot())).toEqual([expect.stringContaining('set.json cannot be read')]);
  });
});

describe('a full table', () => {
  it('is relieved of as many flows as the limits allow when more match', async () => {
    const { remediations, flows, reports, said } = gateway();
    remediations.replace([
      wireOf({ trigger: { kind: 'table-usage', abovePercent: 80 }, filter: 'src:10.1.0.1', limits: { maxPercentOfTable: 40 } }),
    ]);
    remediations.observeUsage(15, 16);
    await reports(1);
    expect(said()).toMatchObject([{ state: State.STATE_DONE, matched: 6, sweeps: [{ number: 1, runs: [{ count: 6 }] }] }]);
    expect(await flows('src:10.1.0.1')).toHaveLength(4);
  });
});

describe('a report', () => {
  it('is sent again in each session, even after a restart, until it is acknowledged; then nothing of it is left', async () => {
    const first = gateway();
    first.remediations.replace([wireOf()]);
    first.remediations.observeWans(WAN1_DOWN);
    await first.reports(1);
    const [before] = first.said();
    expect(first.next()).toBeUndefined();
    await first.stop();
    const again = gateway({ stateDir: first.stateDir });
    expect(again.said()).toEqual([before]);
    again.remediations.acknowledge(before!.id);
    again.remediations.acknowledge(before!.id);
    expect(again.said()).toEqual([]);
    expect(['runs', 'plans'].flatMap((folder) => readdirSync(path.join(again.stateDir, 'remediations', folder)))).toEqual([]);
  });
});

describe('an agent that crashed', () => {
  const head = (id: string) => ({
    id,
    remediationId: ID,
    revision: 1,
    state: State.STATE_INDETERMINATE,
    trigger: 'wan1 went down',
    wan: 'wan1',
    triggeredAtMs: 1n,
    startedAtMs: 2n,
    finishedAtMs: undefined,
    reason: '',
    detail: '',
    matched: 10,
    filter: 'wan:"wan1"',
    method: Method.METHOD_DELETE,
    sweeps: [],
  });
  const RUN = '01900000-0000-7000-8000-0000000000aa';

  it('in the middle of a sweep resumes with exactly the same flows, and reports those that are gone as indeterminate', async () => {
    const first = gateway();
    await first.stop();
    const log = new RunLog(remediationsFolder(first.stateDir));
    const flows = await first.flows('wan:wan1');
    log.keep(head(RUN));
    log.start(RUN, 1, { method: Method.METHOD_DELETE }, flows, 2);
    log.close();
    await first.table.delete(flows.slice(0, 3));
    first.table.insert(
      entryOf({ proto: 17, orig: { src: '10.1.0.9', dst: '203.0.113.9', sport: 9, dport: 9 }, reply: { dst: '192.0.2.1' } }),
    );
    const again = gateway({ stateDir: first.stateDir, table: first.table });
    await again.reports(1);
    expect(again.said()).toMatchObject([
      {
        id: RUN,
        state: State.STATE_DONE,
        sweeps: [
          {
            number: 1,
            runs: [
              { outcome: Outcome.OUTCOME_INDETERMINATE, count: 3 },
              { outcome: Outcome.OUTCOME_DELETED, count: 7 },
            ],
          },
        ],
      },
    ]);
    expect((await again.flows('wan:wan1')).map(({ orig }) => orig.src)).toEqual(['10.1.0.9']);
  });

  it('before the run started has touched nothing, and reports it', async () => {
    const first = gateway();
    await first.stop();
    const log = new RunLog(remediationsFolder(first.stateDir));
    log.keep(head(RUN));
    log.close();
    const again = gateway({ stateDir: first.stateDir, table: first.table });
    await again.reports(1);
    expect(again.said()).toMatchObject([{ id: RUN, state: State.STATE_FAILED, reason: 'UNAVAILABLE', sweeps: [] }]);
    expect(await again.flows('wan:wan1')).toHaveLength(10);
  });
});
