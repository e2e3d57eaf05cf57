import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { FleetError } from '../../proto/model/error-codes.ts';
import type { Flow } from '../../proto/model/flow.ts';
import { entryOf } from '../../test/support/sample-entries.ts';
import { MemoryTable } from '../conntrack/memory/memory-table.ts';
import { assertNotDrifted, driftOf } from './drift.ts';
import { listOf } from './flow-list.ts';
import { filterOf } from '../../test/support/filter-of.ts';

const context = { wans: [], protections: [] };
const filter = filterOf('proto:udp');

const register = (table: MemoryTable, client: number): void =>
  void table.insert(
    entryOf({ proto: 17, orig: { src: `10.1.0.${client}`, dst: '198.51.100.10', sport: 5060, dport: 5060 }, timeoutSeconds: 120 }),
  );
const flowsOf = async (table: MemoryTable): Promise<Flow[]> => (await table.search({ filter, context, limit: 1000 })).rows;

test('drift counts flows that are gone or were replaced by traffic, and above the limit the plan is refused', async () => {
  const fate = fc.constantFrom('stays', 'goes', 'is replaced');
  await fc.assert(
    fc.asyncProperty(
      fc.array(fate, { minLength: 1, maxLength: 30 }),
      fc.option(fc.nat(30), { nil: undefined }),
      async (fates, maxDrift) => {
        const table = new MemoryTable({ now: () => 1_000_000 });
        fates.forEach((_, client) => register(table, client));
        const plan = listOf(await flowsOf(table));
        const clientOf = ({ orig }: Flow): number => Number(orig.src.split('.').at(-1));
        const changed = [...plan.batches(100)].flat().filter((flow) => fates[clientOf(flow)] !== 'stays');
        await table.delete(changed);
        for (const flow of changed) if (fates[clientOf(flow)] === 'is replaced') register(table, clientOf(flow));
        const before = await flowsOf(table);
        expect(await driftOf(table, plan)).toBe(changed.length);
        const refusal = await assertNotDrifted(table, plan, maxDrift).catch((error: FleetError) => error);
        if (maxDrift === undefined || changed.length <= maxDrift) expect(refusal).toBeUndefined();
        else expect(refusal).toMatchObject({ code: 'PLAN_DRIFTED', fields: { drift: changed.length, maxDrift } });
        expect(await flowsOf(table)).toEqual(before);
      },
    ),
    { numRuns: 200 },
  );
});
