import { expect, it } from 'vitest';
import { IPS } from '../../proto/model/status.ts';
import type { Flow } from '../../proto/model/flow.ts';
import { MemoryTable } from '../conntrack/memory/memory-table.ts';
import { EndedFlows } from './came-back.ts';

const context = { wans: [], protections: [] };

function phone(host: number, over: Partial<Flow> = {}): Flow {
  const [src, dst] = [`10.1.0.${host}`, '198.51.100.10'];
  return {
    family: 4,
    proto: 17,
    zone: 0,
    id: host,
    status: IPS.SEEN_REPLY,
    mark: 0,
    labels: [],
    orig: { src, dst, sport: 5060, dport: 5060 },
    reply: { src: dst, dst: '192.0.2.1', sport: 5060, dport: 5060 },
    ...over,
  } as Flow;
}

/** A table that has just these flows. */
const tableOf = (flows: Flow[]): MemoryTable =>
  Object.assign(new MemoryTable({ now: () => 0 }), {
    collect: async function* () {
      yield flows;
    },
  });

it('of flows that were ended it is told apart who is back and answered, back and not answered, and not back', async () => {
  const ended = new EndedFlows(1000);
  ended.add([phone(1), phone(2), phone(3), phone(4)]);
  const table = tableOf([
    phone(1, { id: 101, wan: 'wan2' }),
    phone(2, { id: 102, status: 0, wan: 'wan2' }),
    // The very entry that was to be ended has not come back.
    phone(4),
    phone(9, { id: 109 }),
  ]);
  const cameBack = await ended.look(table, context, { atMs: 3000, isFinal: false });
  expect(cameBack).toMatchObject({
    sinceMs: 1000n,
    watchedAtMs: 3000n,
    ended: { calls: 4n },
    back: { calls: 2n },
    answered: { calls: 1n },
    byWan: { wan2: 2n },
  });
  expect(cameBack.missed.map(({ src, isBack }) => [src.at(-1), isBack])).toEqual([
    [2, true],
    [3, false],
    [4, false],
  ]);
});

it('no more come back than were ended, and what is beyond what can be watched is said', async () => {
  const ended = new EndedFlows(0);
  ended.add([phone(1)]);
  const again = [phone(1, { id: 201 }), phone(1, { id: 202 }), phone(1, { id: 203 })];
  expect(await ended.look(tableOf(again), context, { atMs: 1, isFinal: true })).toMatchObject({ back: { calls: 1n }, isFinal: true });
  const many = new EndedFlows(0);
  many.add(
    Array.from({ length: 300 }, (_, at) => phone(at % 250, { orig: { src: `10.${at}.0.1`, dst: '198.51.100.10', sport: 1, dport: 5060 } })),
  );
  expect((await many.look(tableOf([]), context, { atMs: 1, isFinal: true })).notWatched).toBe(100);
});
