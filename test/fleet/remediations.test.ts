import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { createInterface } from 'node:readline';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { RemediationRun_State as State } from '../../proto/gen/ctfleet/v1/remediation.ts';
import { Lab, type Failure } from '../lab/lab.ts';
import { spawnIn } from '../lab/namespace.ts';
import type { NatKind } from '../lab/rules.ts';
import { clientAddress, externalAddress, SERVERS, WANS } from '../lab/topology.ts';
import { LoneAgent } from '../support/lone-agent.ts';
import { until } from '../support/until.ts';

/**
 * The library's answer to a failed WAN, in acting mode. Stale flows do not count against the share of a table: with 1 % of one allowed, all
 * of them are ended.
 */
const WAN_DOWN = {
  name: 'WAN down: end what is stuck',
  mode: 'auto',
  trigger: { kind: 'wan-down' },
  conditions: { healthyTarget: true, mostFlapsAnHour: 12 },
  filter: 'stale:yes wan:$wan',
  steps: { verifyAfterSeconds: 0.5, sweeps: 3 },
  limits: { maxFlows: 100_000, maxPercentOfTable: 1, coolDownSeconds: 0, maxRunsAnHour: 30 },
};
const SET = [
  { id: '01900000-0000-7000-8000-00000000000a', revision: 1, document: JSON.stringify(WAN_DOWN), isApproved: false, delaySeconds: 0 },
];

/**
 * The address that the trunk uses in the end, and whether that takes a flush. Where a link that loses its carrier or a provider that drops
 * everything leaves the route as it is, the route is moved by hand afterwards, as a multi-WAN daemon would.
 */
const CELLS: [nat: NatKind, pin: boolean, failure: Failure, heals: 'by a flush' | 'by itself' | 'never left wan1'][] = [
  ['snat', false, 'admin', 'by a flush'],
  ['snat', false, 'carrier', 'by a flush'],
  ['snat', false, 'silent', 'by a flush'],
  ['snat', false, 'metric', 'by a flush'],
  ['snat', true, 'admin', 'by a flush'],
  ['snat', true, 'carrier', 'by a flush'],
  ['snat', true, 'silent', 'by a flush'],
  ['snat', true, 'metric', 'never left wan1'],
  ['masquerade', false, 'admin', 'by itself'],
  ['masquerade', false, 'carrier', 'by itself'],
  ['masquerade', false, 'silent', 'by itself'],
  ['masquerade', false, 'metric', 'by itself'],
  ['masquerade', true, 'admin', 'by itself'],
  ['masquerade', true, 'carrier', 'by a flush'],
  ['masquerade', true, 'silent', 'by a flush'],
  ['masquerade', true, 'metric', 'never left wan1'],
];
/** The gateway after all the others: both of its WANs fail. */
const BOTH = CELLS.length + 1;

const lab = new Lab({
  prefix: `runner-${process.pid}`,
  gateways: BOTH,
  rules: (n) => ({ nat: CELLS[n - 1]?.[0] ?? 'snat', pin: CELLS[n - 1]?.[1] ?? false }),
});
const root = mkdtempSync(path.join(os.tmpdir(), 'ctfleet-runner-'));
const children: ChildProcess[] = [];
const agents: LoneAgent[] = [];
const trunks: Trunk[] = [];
const times: Record<string, number> = {};

/** A SIP trunk that registers five times a second; it knows the address under which the provider last saw it. */
class Trunk {
  state: { state: string; seenAs?: string } = { state: 'new' };

  constructor(n: number) {
    const child = spawnIn(lab.names.lan(n), process.execPath, [
      path.join(import.meta.dirname, '../lab/traffic/trunk.ts'),
      clientAddress(n, 5),
      SERVERS[0]!,
      '200',
    ]);
    createInterface({ input: child.stdout! }).on('line', (line) => {
      this.state = JSON.parse(line) as Trunk['state'];
    });
    children.push(child);
  }

  async speaksFrom(address: string, timeoutMs = 30_000): Promise<void> {
    await until(`the trunk is registered as ${address}`, () => this.state.seenAs === `${address}:5060` || undefined, timeoutMs);
  }
}

beforeAll(async () => {
  lab.up();
  const servers = spawnIn(lab.names.inet, process.execPath, [path.join(import.meta.dirname, '../lab/traffic/servers.ts')]);
  children.push(servers);
  await once(servers.stdout!, 'data');
  // One after another, so that all are up before the first WAN fails.
  for (let n = 1; n <= BOTH; n++) {
    agents.push(await LoneAgent.start(lab.names.gateway(n), path.join(root, String(n)), SET));
    trunks.push(new Trunk(n));
    await trunks[n - 1]!.speaksFrom(externalAddress(n, 1), 60_000);
    await until('its probes are answered', () => agents[n - 1]!.hearsFrom(WANS.map((wan) => externalAddress(n, wan))) || undefined, 60_000);
  }
}, 180_000);
afterAll(async () => {
  console.log(JSON.stringify(times));
  for (const agent of agents) await agent.end();
  for (const child of children) child.kill('SIGKILL');
  lab.down();
  rmSync(root, { recursive: true });
});

describe('a WAN fails, and no controller can be reached', () => {
  test.each(CELLS.map((cell, index) => [...cell, index + 1] as const))(
    '%s, pinned %s, %s: the trunk is well (%s)',
    async (nat, pin, failure, heals, n) => {
      const [agent, trunk] = [agents[n - 1]!, trunks[n - 1]!];
      lab.failWan(n, 1, failure);
      if (failure === 'carrier' || failure === 'silent') {
        await until('the trunk is dead', () => trunk.state.state === 'down' || undefined);
        expect(agent.runs).toEqual([]);
        lab.failWan(n, 1, 'metric');
      }
      const movedAtMs = Date.now();
      if (heals !== 'never left wan1') await trunk.speaksFrom(externalAddress(n, 2), 2_000);
      times[`${nat} ${pin ? 'pinned ' : ''}${failure}`] = Date.now() - movedAtMs;
      if (heals !== 'by a flush') return;
      const [run] = await until('the run has finished', () => {
        const { runs } = agent;
        return runs[0]?.finishedAtMs === undefined ? undefined : runs;
      });
      expect(run).toMatchObject({
        state: State.STATE_DONE,
        wan: 'wan1',
        matched: 1,
        filter: 'stale:yes wan:"wan1"',
        revision: 1,
        sweeps: [{ number: 1, runs: [{ count: 1 }] }],
      });
      expect(Number(run!.startedAtMs) - movedAtMs).toBeLessThan(2_000);
    },
  );

  test('both WANs are silent: nothing is deleted, and each failure is reported once', async () => {
    const [agent, trunk] = [agents[BOTH - 1]!, trunks[BOTH - 1]!];
    lab.failWan(BOTH, 1, 'silent');
    lab.failWan(BOTH, 2, 'silent');
    await until('it is reported', () => agent.runs.length >= 2 || undefined);
    lab.failWan(BOTH, 1, 'metric');
    await until('the trunk is dead', () => trunk.state.state === 'down' || undefined);
    expect(agent.runs.map(({ state, reason, wan, sweeps }) => ({ state, reason, wan, sweeps }))).toEqual(
      expect.arrayContaining(['wan1', 'wan2'].map((wan) => ({ state: State.STATE_REFUSED, reason: 'CONDITION_UNMET', wan, sweeps: [] }))),
    );
  });

  test('then one of them comes back, and the stuck flows are ended at once', async () => {
    const [agent, trunk] = [agents[BOTH - 1]!, trunks[BOTH - 1]!];
    lab.healWan(BOTH, 2);
    const healedAtMs = Date.now();
    await trunk.speaksFrom(externalAddress(BOTH, 2), 3_000);
    times['both silent, then wan2 came back'] = Date.now() - healedAtMs;
    const runs = await until('the run has finished', () =>
      agent.runs.filter(({ state }) => state === State.STATE_DONE).length > 0 ? agent.runs : undefined,
    );
    expect(runs.filter(({ reason }) => reason === 'CONDITION_UNMET')).toHaveLength(2);
  });

  test('no flow was ended where the trunk recovered by itself, or never left', () => {
    for (const [index, [nat, pin, failure, heals]] of CELLS.entries()) {
      if (heals === 'by a flush') continue;
      expect([nat, pin, failure, agents[index]!.runs]).toEqual([nat, pin, failure, []]);
      const wan = heals === 'by itself' ? 2 : 1;
      expect(trunks[index]!.state).toEqual({ state: 'registered', seenAs: `${externalAddress(index + 1, wan)}:5060` });
    }
  });
});
