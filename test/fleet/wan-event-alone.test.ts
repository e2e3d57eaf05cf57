import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { createInterface } from 'node:readline';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { WanEvent_State as State } from '../../proto/gen/ctfleet/v1/wan_event.ts';
import { Lab } from '../lab/lab.ts';
import { runIn, spawnIn } from '../lab/namespace.ts';
import { clientAddress, externalAddress, SERVERS, WANS } from '../lab/topology.ts';
import { LoneAgent } from '../support/lone-agent.ts';
import { until } from '../support/until.ts';

const lab = new Lab({ prefix: `alone-${process.pid}`, gateways: 1, rules: () => ({ nat: 'snat', pin: false }) });
const gateway = lab.names.gateway(1);
const [WAN1, WAN2] = WANS.map((wan) => externalAddress(1, wan)) as [string, string];
const stateDir = mkdtempSync(path.join(os.tmpdir(), 'ctfleet-alone-'));
const children: ChildProcess[] = [];
let agent: LoneAgent | undefined;
let seenAs: string | undefined;

const traffic = (name: string): string => path.join(import.meta.dirname, '../lab/traffic', `${name}.ts`);
/** What the kernel itself has of flows with wan1's address; pings are the agent's own. */
const onWan1 = (): number =>
  runIn(gateway, 'conntrack', ['-L'])
    .split('\n')
    .filter((line) => line.includes(`dst=${WAN1} `) && !line.startsWith('icmp')).length;

beforeAll(async () => {
  lab.up();
  const servers = spawnIn(lab.names.inet, process.execPath, [traffic('servers')]);
  children.push(servers);
  await once(servers.stdout!, 'data');
  agent = await LoneAgent.start(gateway, stateDir, []);
  const trunk = spawnIn(lab.names.lan(1), process.execPath, [traffic('trunk'), clientAddress(1, 5), SERVERS[0]!, '200']);
  children.push(trunk);
  createInterface({ input: trunk.stdout! }).on('line', (line) => ({ seenAs } = JSON.parse(line) as { seenAs?: string }));
  await until('the trunk is registered through wan1', () => seenAs === `${WAN1}:5060` || undefined);
  await until('probes are answered', () => agent!.hearsFrom([WAN1, WAN2]) || undefined);
  // Only what an agent has seen to have the route can lose it: by this it is seen to look.
  lab.failWan(1, 2, 'admin');
  await until('it looks', () => eventOf('wan2'));
  lab.healWan(1, 2);
  await until('it has seen wan2 up', () => eventOf('wan2')?.state === State.STATE_CLOSED || undefined);
}, 180_000);
afterAll(async () => {
  await agent?.end();
  for (const child of children) child.kill('SIGKILL');
  lab.down();
  rmSync(stateDir, { recursive: true });
});

const eventOf = (name: string) => agent!.wanEvents.findLast(({ wan }) => wan === name);

test('a failover that no controller hears of stays one record, with its live call, though the agent is killed in the middle', async () => {
  lab.failWan(1, 1, 'metric');
  const event = await until('it is on record', () => (eventOf('wan1')?.state === State.STATE_OPEN ? eventOf('wan1') : undefined));
  expect(event).toMatchObject({ target: 'wan2', using: { trying: { calls: BigInt(onWan1()), udp: 0n, tcp: 0n } } });
  expect(onWan1()).toBe(1);
  const before = event.seen.map(({ words }) => words);
  expect(before[0]).toBe('lost the default route');

  await agent!.kill();
  agent = await LoneAgent.start(gateway, stateDir, []);
  await until('the new agent probes', () => agent!.hearsFrom([WAN2]) || undefined);
  // Ended by hand, behind the agent's back: only a look at the table can tell.
  runIn(gateway, 'conntrack', ['-D', '-p', 'udp', '--reply-dst', WAN1]);
  await until('the trunk is registered through wan2', () => seenAs === `${WAN2}:5060` || undefined);
  const healed = await until('it is healed', () => (eventOf('wan1')?.healedAtMs === undefined ? undefined : eventOf('wan1')));
  expect(healed).toMatchObject({ id: event.id, state: State.STATE_HEALED, atFirst: { trying: { calls: 1n } } });
  expect(onWan1()).toBe(0);

  lab.healWan(1, 1);
  const closed = await until('it is closed', () => (eventOf('wan1')?.state === State.STATE_CLOSED ? eventOf('wan1') : undefined));
  expect(closed.seen.map(({ words }) => words)).toEqual([...before, 'works again']);
  expect(agent.wanEvents.filter(({ wan }) => wan === 'wan1').map(({ id }) => id)).toEqual([event.id]);
}, 300_000);
