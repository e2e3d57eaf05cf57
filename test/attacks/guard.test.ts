import { mkdtempSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { MemoryTable } from '../../agent/conntrack/memory/memory-table.ts';
import { NO_RULES, type GuardRules } from '../../agent/operations/local-guard.ts';
import { toWireFilter } from '../../proto/wire/filter.ts';
import { Method, Result_State, type Result } from '../../proto/gen/ctfleet/v1/operation.ts';
import { HostileController, type HostileSession } from '../support/hostile-controller.ts';
import { entryOf } from '../support/sample-entries.ts';
import { filterOf } from '../support/filter-of.ts';

const PARTS = 20;
const FLOWS = 4_000;

let controller: HostileController;
let stateDir: string;
beforeEach(async () => {
  controller = await HostileController.start();
  stateDir = mkdtempSync(path.join(os.tmpdir(), 'ctfleet-guard-attack-'));
});
afterEach(async () => {
  await controller.end();
  rmSync(stateDir, { recursive: true, force: true });
});

/** A table of twenty equal parts, told apart by port, or of those from `first` on. */
function filled(first = 0): MemoryTable {
  const table = new MemoryTable({ now: Date.now });
  for (let n = 0; n < FLOWS; n++)
    if (n % PARTS >= first)
      table.insert(
        entryOf({
          proto: 17,
          orig: { src: '10.1.0.1', dst: '198.51.100.10', sport: 1000 + n, dport: 5000 + (n % PARTS) },
          timeoutSeconds: 86_400,
        }),
      );
  return table;
}

let made = 0;
/** Freezes and runs a plan of what a filter finds. */
async function flush(session: HostileSession, text: string): Promise<Result> {
  const planId = `01900000-0000-7000-8000-${String(++made).padStart(12, '0')}`;
  const parts = await controller.ask(session, {
    id: planId,
    deadlineMs: 20_000,
    ask: {
      $case: 'plan',
      value: {
        planId,
        filter: toWireFilter(filterOf(text)),
        method: Method.METHOD_DELETE,
        expiresAtMs: BigInt(Date.now() + 300_000),
        maxFlows: 100_000,
      },
    },
  });
  const last = parts.at(-1)?.part;
  const digest = last?.$case === 'end' ? last.value.digest : Buffer.alloc(0);
  return controller.command(session, {
    id: `c${made}`,
    seq: BigInt(made),
    epoch: 1n,
    notAfterMs: BigInt(Date.now() + 60_000),
    work: { $case: 'runPlan', value: { planId, digest, method: Method.METHOD_DELETE, verifyAfterMs: 0 } },
  });
}

async function portions(session: HostileSession): Promise<Result[]> {
  const results: Result[] = [];
  for (let part = 0; part < PARTS; part++) results.push(await flush(session, `dport:${5000 + part}`));
  return results;
}

describe('a controller that empties a gateway', () => {
  it.each<[string, Partial<GuardRules>, number]>([
    ['with a guard file of ten per cent', { mostPercentOfTable: 10 }, 10],
    ['without a guard file', {}, 50],
  ])('%s, by twenty plans of five per cent each, gets no further than its share', async (_, rules, percent) => {
    const table = filled();
    await controller.startAgent({ table, guardRules: () => ({ ...NO_RULES, ...rules }), stateDir });
    const session = await controller.session();
    const results = await portions(session);
    expect(await table.count()).toBe(FLOWS * (1 - percent / 100));
    const refused = results.filter(({ state }) => state === Result_State.STATE_REFUSED);
    expect(refused).toHaveLength(PARTS * (1 - percent / 100));
    expect(new Set(refused.map(({ reason }) => reason))).toEqual(new Set(['GUARD_REFUSED']));
    expect(session.hello!.guard).toMatchObject({ mostPercentOfTable: percent, isBuiltIn: percent === 50 });
  });

  it('gains no new share when the agent restarts', async () => {
    const first = await controller.startAgent({ table: filled(), stateDir });
    await portions(await controller.session());
    await first.end();
    const table = filled(PARTS / 2);
    await controller.startAgent({ table, stateDir });
    expect(await flush(await controller.session(2), 'dport:5019')).toMatchObject({
      state: Result_State.STATE_REFUSED,
      reason: 'GUARD_REFUSED',
    });
    expect(await table.count()).toBe(FLOWS / 2);
  });

  it('asks for everything at once, and nothing is touched', async () => {
    const table = filled();
    await controller.startAgent({ table, stateDir });
    expect(await flush(await controller.session(), 'proto:udp')).toMatchObject({
      state: Result_State.STATE_REFUSED,
      detail: expect.stringContaining('mostPercentOfTable in the guard file'),
    });
    expect(await table.count()).toBe(FLOWS);
  });
});
