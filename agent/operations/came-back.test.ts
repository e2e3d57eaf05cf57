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
  const web = (at: number): Flow => phone(1, { orig: { src: `10.${at >> 8}.${at & 255}.1`, dst: '198.51.100.10', sport: 1, dport: 80 } });
  many.add([...Array.from({ length: 5100 }, (_, at) => web(at)), phone(1)]);
  const looked = await many.look(tableOf([phone(1, { id: 301 })]), context, { atMs: 1, isFinal: true });
  expect(looked).toMatchObject({ notWatched: 101, ended: { calls: 1n }, answered: { calls: 1n } });
});

it('a table is asked by the addresses of these flows, or of many by their networks, and gives all that are back', async () => {
  const table = new MemoryTable({ now: () => 0 });
  const hosts = Array.from({ length: 700 }, (_, at) =>
    phone(1, { id: at, orig: { src: `10.1.${at >> 8}.${at & 255}`, dst: '198.51.100.10', sport: 5060, dport: 5060 } }),
  );
  const ended = new EndedFlows(0);
  ended.add(hosts);
  await table.restore(hosts.slice(0, 650));
  await table.restore([phone(1, { orig: { src: '172.16.0.1', dst: '198.51.100.10', sport: 5060, dport: 5060 } })]);
  expect(await ended.look(table, context, { atMs: 1, isFinal: true })).toMatchObject({ ended: { calls: 700n }, back: { calls: 650n } });
});
