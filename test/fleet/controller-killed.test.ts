import { readFileSync } from 'node:fs';
import path from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { readRecords } from '../../agent/operations/journal.ts';
import { routes } from '../../proto/http/routes.ts';
import { spawnIn } from '../lab/namespace.ts';
import { BLACK_HOLE, clientAddress } from '../lab/topology.ts';
import { startTestSystem, until } from '../support/system.ts';

const FLOWS = 200;
let running: Awaited<ReturnType<typeof startTestSystem>>;

beforeAll(async () => {
  running = await startTestSystem({
    gateways: 1,
    withTraffic: false,
    guard: 'mostPercentOfTable: 100\n',
    controllerEnv: { CTFLEET_SAMPLE_INTERVAL_MS: '1000' },
  });
  // Flows without replies live for half a minute, and a busy machine may take longer to start a controller.
  running.system.lab!.sysctl(1, 'net.netfilter.nf_conntrack_udp_timeout', 600);
});
afterAll(() => running?.end());

/** New flows from a client used only in this round. */
async function makeFlows(client: string): Promise<() => void> {
  const burst = spawnIn(
    running.system.lab!.names.lan(1),
    process.execPath,
    [path.join(import.meta.dirname, '../lab/traffic/burst.ts'), client, BLACK_HOLE, '9', String(FLOWS)],
    { stdio: ['pipe', 'pipe', 'inherit'] },
  );
  await new Promise((resolve, reject) => {
    burst.stdout!.once('data', resolve);
    burst.once('exit', () => reject(new Error('no flows could be created')));
  });
  return () => burst.stdin!.end();
}

// Every moment of a flush is tried by the fault harness; here are a program's start, its middle and its end.
it.each([0, 160, 320].map((delayMs, round) => [round, delayMs]))(
  'round %i: a controller killed %i ms after it accepted a flush loses nothing and does nothing twice',
  async (round, delayMs) => {
    const { system, stateDir } = running;
    const client = clientAddress(1, 20 + round);
    const stop = await makeFlows(client);
    const plan = await system.api.call(routes.createPlan, { body: { filter: `src:${client}`, reason: 'a test of crashes' } });
    expect(plan.totals.flows).toBe(FLOWS);

    const { flushId } = await system.api.call(routes.runPlan, { params: { id: plan.id }, body: { digest: plan.digest } });
    await new Promise((resolve) => setTimeout(resolve, delayMs));
    const gone = new Promise((resolve) => system.controller.once('exit', resolve));
    system.controller.kill('SIGKILL');
    await gone;
    await system.restartController();

    const flush = await until('the flush has ended', async () => {
      const found = await system.api.call(routes.getFlush, { params: { id: flushId } });
      return found.state === 'running' ? undefined : found;
    });
    expect(flush.state).toBe('verified');
    expect(flush.totals).toMatchObject({ planned: FLOWS, deleted: FLOWS, gone: 0, failed: 0, reappeared: 0, indeterminate: 0 });

    const search = await system.api.call(routes.searchFlows, { body: { filter: `src:${client}`, limit: 0 } });
    expect(search.total).toBe(0);
    const journal = readRecords(readFileSync(path.join(stateDir, 'agents', system.placed[0]!.name, 'journal'))).records;
    const ofPlan = journal.filter((record) => record.kind === 'received').filter((record) => record.planId === plan.id);
    expect(ofPlan).toHaveLength(1);
    expect(journal.filter((record) => record.kind === 'started' && record.id === ofPlan[0]!.id)).toHaveLength(1);
    const audit = await system.api.call(routes.listAudit, { query: { flush: flushId } });
    expect(audit.items.map((entry) => entry.action).sort()).toEqual(['flush.started', 'flush.target-finished']);
    stop();
  },
);

it('samples taken while the controller was down arrive with their own times', async () => {
  const { system } = running;
  const gone = new Promise((resolve) => system.controller.once('exit', resolve));
  system.controller.kill('SIGKILL');
  await gone;
  const killedAt = Date.now();
  await until('six samples were due', () => Date.now() > killedAt + 6000 || undefined);
  await system.restartController();
  const backAt = Date.now();
  const [gateway] = (await system.api.call(routes.listGateways, { query: { limit: 1 } })).items;
  await until('samples from that time are there, one every two seconds', async () => {
    const { points, resolutionSeconds } = await system.api.call(routes.listSamples, {
      params: { id: gateway!.id },
      query: { from: new Date(killedAt + 500).toISOString(), to: new Date(killedAt + 6000).toISOString(), points: 100 },
    });
    return resolutionSeconds <= 1 && points.length >= 4 && points.every(({ at }) => Date.parse(at) < backAt) ? true : undefined;
  });
});
