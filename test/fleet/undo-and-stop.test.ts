import { afterAll, beforeAll, expect, it } from 'vitest';
import { routes } from '../../proto/http/routes.ts';
import { IPS } from '../../proto/model/status.ts';
import { clientAddress, externalAddress, SERVERS } from '../lab/topology.ts';
import { createEntries } from '../support/create-entries.ts';
import { enterNamespace } from '../support/namespace.ts';
import { entryOf } from '../support/sample-entries.ts';
import { startTestSystem, until } from '../support/system.ts';

let running: Awaited<ReturnType<typeof startTestSystem>>;

beforeAll(async () => {
  running = await startTestSystem({ gateways: 1, withTraffic: false, guard: 'mostPercentOfTable: 100' });
  // This many flows would otherwise need a second person.
  for (const { id } of (await running.system.api.call(routes.listTenants)).items)
    await running.system.api.call(routes.updateLimits, { params: { id }, body: { flows: null } });
});
afterAll(() => running?.end());

/** Flows through the gateway's NAT, each from another port of one client. */
function fill(client: string, server: string, count: number): void {
  const leave = enterNamespace(running.system.lab!.names.gateway(1));
  try {
    createEntries(
      Array.from({ length: count }, (_, index) =>
        entryOf({
          proto: 17,
          orig: { src: client, dst: server, sport: 1024 + (index % 60_000), dport: 5060 + Math.floor(index / 60_000) },
          reply: { dst: externalAddress(1, 1) },
          status: IPS.SEEN_REPLY | IPS.ASSURED | IPS.SRC_NAT,
          timeoutSeconds: 600,
        }),
      ),
    );
  } finally {
    leave();
  }
}

async function flush(client: string): Promise<string> {
  const { api } = running.system;
  const plan = await api.call(routes.createPlan, { body: { filter: `src:${client}`, reason: 'a test' } });
  return (await api.call(routes.runPlan, { params: { id: plan.id }, body: { digest: plan.digest } })).flushId;
}

const ended = (id: string) =>
  until('the flush has ended', async () => {
    const found = await running.system.api.call(routes.getFlush, { params: { id } });
    return found.state === 'running' ? undefined : found;
  });
const alive = async (client: string) =>
  (await running.system.api.call(routes.searchFlows, { body: { filter: `src:${client}`, limit: 0 } })).total;

it('what a flush deleted is restored on the gateway with its translation, once, and both are on record', async () => {
  const { api } = running.system;
  const client = clientAddress(1, 40);
  fill(client, SERVERS[0]!, 300);
  const before = (await api.call(routes.searchFlows, { body: { filter: `src:${client}`, limit: 300 } })).rows
    .map(({ orig, reply }) => JSON.stringify({ orig, reply }))
    .sort();
  const flushId = await flush(client);
  expect(await ended(flushId)).toMatchObject({ state: 'verified', totals: { deleted: 300 } });
  expect(await alive(client)).toBe(0);
  const { flushId: undoId } = await api.call(routes.undoFlush, { params: { id: flushId } });
  expect(await ended(undoId)).toMatchObject({ kind: 'undo', state: 'verified', totals: { restored: 300 } });
  const after = (await api.call(routes.searchFlows, { body: { filter: `src:${client}`, limit: 300 } })).rows
    .map(({ orig, reply }) => JSON.stringify({ orig, reply }))
    .sort();
  expect(after).toEqual(before);
  await expect(api.call(routes.undoFlush, { params: { id: flushId } })).rejects.toThrow('undo');
  expect((await api.call(routes.listAudit, { query: { flush: undoId } })).items.length).toBeGreaterThanOrEqual(2);
});

it('a flush that is stopped midway leaves the rest alone, and every flow has its outcome', async () => {
  const { api } = running.system;
  const client = clientAddress(1, 41);
  const COUNT = 60_000;
  fill(client, SERVERS[1]!, COUNT);
  const flushId = await flush(client);
  await until('it has begun', async () =>
    (await api.call(routes.getFlush, { params: { id: flushId } })).targets[0]!.state === 'waiting' ? undefined : true,
  );
  await api.call(routes.cancelFlush, { params: { id: flushId } });
  const over = await ended(flushId);
  const { deleted, gone, cancelled, planned } = over.totals;
  expect(planned).toBe(COUNT);
  expect(deleted + gone + cancelled).toBe(COUNT);
  expect(cancelled).toBeGreaterThan(0);
  expect(await alive(client)).toBe(cancelled);
});
