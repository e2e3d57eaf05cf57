import { mkdtempSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { afterAll, expect, it } from 'vitest';
import { Method } from '../../proto/gen/ctfleet/v1/operation.ts';
import { entryOf } from '../../test/support/sample-entries.ts';
import { MemoryTable } from '../conntrack/memory/memory-table.ts';
import { freezePlan } from './freeze-plan.ts';
import { PlanStore } from './plan-store.ts';
import { filterOf } from '../../test/support/filter-of.ts';

const folder = mkdtempSync(path.join(os.tmpdir(), 'ctfleet-freeze-'));
afterAll(() => rmSync(folder, { recursive: true }));

it('a plan without flows takes no place on the gateway, however often it is asked for', async () => {
  const table = new MemoryTable({ now: () => 1_000_000 });
  table.insert(entryOf({ proto: 17, orig: { src: '10.1.0.1', dst: '203.0.113.9', sport: 1, dport: 5060 } }));
  const plans = new PlanStore(folder);
  const clock = { now: () => 1_000_000, delay: async () => undefined };
  const freeze = (planId: string, filter: string) =>
    freezePlan(
      { table, plans, isPlanInUse: () => false, context: () => ({ wans: [], protections: [] }), clock },
      {
        planId,
        filter: filterOf(filter),
        method: Method.METHOD_DELETE,
        expiresAtMs: 2_000_000,
        maxFlows: 10,
      },
      1_000_000,
      async () => undefined,
      new AbortController().signal,
    );
  const digests = new Set<string>();
  for (let n = 0; n < 150; n++) {
    const { flows, digest } = await freeze(`e${n}`, 'dport:7');
    expect(flows).toBe(0);
    digests.add(digest.toString('hex'));
  }
  expect([digests.size, plans.kept().plans]).toEqual([1, 0]);
  expect(await freeze('a1', 'dport:5060')).toMatchObject({ flows: 1 });
  expect(plans.load('a1').count).toBe(1);
});
