import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { pino } from 'pino';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { KernelTable } from '../../../agent/conntrack/kernel/kernel-table.ts';
import { Emergency } from '../../../agent/operations/emergency.ts';
import { builtInProtections } from '../../../agent/operations/guard.ts';
import { Lately } from '../../../agent/operations/lately.ts';
import { LocalGuard, NO_RULES, type GuardRules } from '../../../agent/operations/local-guard.ts';
import { Journal } from '../../../agent/operations/journal.ts';
import { COOL_DOWN_MS, type TableReading } from '../../../agent/operations/table-pressure.ts';
import type { Flow } from '../../../proto/model/flow.ts';
import { IPS } from '../../../proto/model/status.ts';
import { createEntries } from '../../support/create-entries.ts';
import { Namespace } from '../../support/namespace.ts';
import { entryOf } from '../../support/sample-entries.ts';

const ASSURED = IPS.SEEN_REPLY | IPS.ASSURED;
const many = (count: number, net: number, rest: Partial<Parameters<typeof entryOf>[0]>) =>
  Array.from({ length: count }, (_, index) =>
    entryOf({
      proto: 6,
      orig: { src: `10.${net}.0.${index}`, dst: '198.51.100.10', sport: 40_000 + index, dport: 443 },
      status: ASSURED,
      ...rest,
    }),
  );
const why = Namespace.why();

/** The maximum is one for the whole machine, so no namespace's table alone can be made full: instead the readings report it as full. */
describe.skipIf(why !== undefined)(`a kernel table that is reported as full${why ? ` (skipped: ${why})` : ''}`, () => {
  let namespace: Namespace;
  let leave: () => void;
  let table: KernelTable;
  let directory: string;
  let journal: Journal;
  const full = (atMs: number, drop: number, max: number): TableReading => ({ atMs, count: max, max, drop });
  let rules: GuardRules;
  const emergency = (): Emergency =>
    new Emergency({
      table,
      journal,
      guard: new LocalGuard(() => rules, new Lately(() => 0)),
      log: pino({ level: 'silent' }),
      context: () => ({ wans: [], protections: builtInProtections(['10.1.0.1'], { addresses: ['203.0.113.5'], port: 4430 }) }),
    });
  const flows = async (): Promise<Flow[]> =>
    (await table.search({ filter: { kind: 'everything' }, context: { wans: [], protections: [] }, limit: 1000 })).rows;
  const countBy = async (keyOf: (flow: Flow) => string): Promise<Record<string, number>> =>
    Object.fromEntries(Object.entries(Object.groupBy(await flows(), keyOf)).map(([key, group = []]) => [key, group.length]));

  beforeAll(() => {
    namespace = Namespace.create('ctg-full');
    // Entries without counters and without a start are taken for packets' entries.
    namespace.sysctl('net.netfilter.nf_conntrack_acct', 0);
    namespace.sysctl('net.netfilter.nf_conntrack_timestamp', 0);
    leave = namespace.enter();
    table = new KernelTable();
  });
  afterAll(async () => {
    await table.close();
    leave();
    namespace.remove();
  });
  beforeEach(() => {
    rules = NO_RULES;
    directory = mkdtempSync(path.join(tmpdir(), 'ctfleet-emergency-'));
    journal = new Journal(directory);
    createEntries([
      ...many(100, 2, { state: 'ESTABLISHED', timeoutSeconds: 400_000 }),
      // The less time is left, the longer the entry has been idle; the state's timeout is 120 s.
      ...many(40, 3, { state: 'TIME_WAIT' }).map((entry, index) => ({ ...entry, timeoutSeconds: 60 + index })),
      ...many(20, 4, { state: 'LAST_ACK', timeoutSeconds: 25 }),
      ...many(30, 5, { state: 'SYN_SENT', status: 0, timeoutSeconds: 100 }),
      ...many(30, 6, { state: 'SYN_RECV', status: IPS.SEEN_REPLY, timeoutSeconds: 50 }),
      entryOf({
        proto: 6,
        orig: { src: '10.1.0.1', dst: '203.0.113.5', sport: 50_000, dport: 4430 },
        status: ASSURED,
        state: 'ESTABLISHED',
        timeoutSeconds: 400_000,
      }),
      entryOf({
        proto: 6,
        orig: { src: '203.0.113.9', dst: '10.1.0.1', sport: 50_001, dport: 22 },
        status: ASSURED,
        state: 'TIME_WAIT',
        timeoutSeconds: 61,
      }),
    ]);
  });
  afterEach(() => {
    journal.close();
    rmSync(directory, { recursive: true });
    namespace.run('conntrack', '-F');
  });

  test('loses as many flows as allowed, those that have waited longest after their end first', async () => {
    const action = emergency();
    expect(await action.consider(full(0, 10, 500))).toBe(0);
    expect(await action.consider(full(10_000, 11, 500))).toBe(25);
    const left = (await flows())
      .filter(({ orig }) => orig.src.startsWith('10.3.'))
      .map(({ orig }) => Number(orig.src.split('.')[3]))
      .sort((a, b) => a - b);
    expect(left).toEqual(Array.from({ length: 15 }, (_, index) => 25 + index));
    expect(await countBy(({ state }) => state!)).toMatchObject({ ESTABLISHED: 101, LAST_ACK: 20, SYN_SENT: 30, SYN_RECV: 30 });
  });

  test('never loses a live connection or a protected flow, however many it may lose', async () => {
    const action = emergency();
    await action.consider(full(0, 10, 20_000));
    expect(await action.consider(full(10_000, 11, 20_000))).toBe(90);
    expect(await countBy(({ state }) => state!)).toEqual({ ESTABLISHED: 101, SYN_RECV: 30, TIME_WAIT: 1 });
  });

  test('loses nothing if the guard file forbids it, and nothing is recorded', async () => {
    const action = emergency();
    await action.consider(full(0, 10, 500));
    for (const [index, change] of [
      { isReadOnly: true },
      { mostDeletesAMinute: 24 },
      { error: 'the guard file cannot be read' },
    ].entries()) {
      rules = { ...NO_RULES, ...change };
      await expect(action.consider(full(10_000 * (index + 1), 11 + index, 500))).rejects.toThrow('The guard of this gateway refuses it');
    }
    expect(await flows()).toHaveLength(222);
    expect(journal.state.lastEmergencyAtMs).toBeUndefined();
  });

  test('loses flows once per cool-down, even if the agent restarts, and the journal records it first', async () => {
    const action = emergency();
    await action.consider(full(0, 10, 200));
    expect(await action.consider(full(10_000, 11, 200))).toBe(10);
    expect(await action.consider(full(20_000, 12, 200))).toBe(0);
    journal.close();
    journal = new Journal(directory);
    expect(journal.state.lastEmergencyAtMs).toBe(10_000);
    const anew = emergency();
    await anew.consider(full(30_000, 13, 200));
    expect(await anew.consider(full(40_000, 14, 200))).toBe(0);
    expect(await anew.consider(full(10_000 + COOL_DOWN_MS, 15, 200))).toBe(10);
  });
});
