import { once } from 'node:events';
import net, { type AddressInfo, type Server, type Socket } from 'node:net';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import type { PolicyRule } from '../../../proto/model/policy/document.ts';
import { bootClock } from '../../../agent/time/boot-clock.ts';
import { inside, Namespace } from '../../support/namespace.ts';
import { policyOf } from '../../support/policy-changing.ts';
import { ENDS, PolicyGateway, PORTS, type Family } from '../../support/policy-gateway.ts';
import { until } from '../../support/until.ts';

const why = Namespace.why();
const LONG_MS = 60_000;
const at = (port: number): { from: number; to: number }[] => [{ from: port, to: port }];

/** Each is meant for everybody, SSH and the agent too. */
const CUTTING: Record<string, PolicyRule[]> = {
  'no tracking at all': [{ name: 'all', match: {}, mode: 'off' }],
  'no tracking of the ports of SSH and the controller': [
    { name: 'in', match: { proto: 'tcp', dport: [...at(PORTS.ssh), ...at(PORTS.other), ...at(PORTS.controller)] }, mode: 'off' },
    { name: 'out', match: { proto: 'tcp', sport: [...at(PORTS.ssh), ...at(PORTS.other), ...at(PORTS.controller)] }, mode: 'off' },
  ],
  'no connection at all': [{ name: 'none', match: {}, mode: 'deny', answer: 'drop' }],
  'a reset for all of TCP': [{ name: 'none', match: { proto: 'tcp' }, mode: 'deny', answer: 'reset' }],
  'one connection for each address': [{ name: 'one', match: {}, limits: { perSource: 1, perDestination: 1, answer: 'drop' } }],
  'strict for everything, and one connection': [{ name: 'strict', match: {}, mode: 'strict', limits: { perSource: 1, answer: 'reset' } }],
};
const FAMILIES: readonly Family[] = [4, 6];

/** Sends back what it is sent. */
async function listening(host: string): Promise<Server> {
  const server = net.createServer((socket) => socket.on('error', () => undefined).pipe(socket));
  server.listen(0, host);
  await once(server, 'listening');
  return server;
}

/** A connection from where the calling thread is. */
async function connected(host: string, port: number): Promise<Socket> {
  const socket = net.connect({ host, port });
  await once(socket, 'connect');
  return socket;
}

describe.skipIf(why !== undefined)(`a policy that is put in force${why ? ` (skipped: ${why})` : ''}`, () => {
  let stage: PolicyGateway;
  beforeAll(async () => {
    stage = await PolicyGateway.start('ctw-apply');
  });
  afterEach(async () => {
    stage.hangUp();
    if (stage.folder.pending()) await stage.changes.restore('The test is over.');
  });
  afterAll(() => stage?.end());

  const cases = Object.keys(CUTTING).flatMap((name) => FAMILIES.map((family) => [name, family] as const));

  test.each(cases)('leaves SSH to the gateway and the agent’s own channel alone: %s, over IPv%i', async (name, family) => {
    const before = [await stage.connect('ssh', family), await stage.connect('controller', family)];
    await stage.changes.apply(policyOf({ rules: CUTTING[name]! }), LONG_MS);
    for (const socket of before) expect(socket && (await stage.speaks(socket))).toBe(true);
    for (let n = 0; n < 3; n++)
      for (const service of ['ssh', 'controller'] as const) {
        const socket = await stage.connect(service, family);
        expect({ service, n, speaks: socket && (await stage.speaks(socket)) }).toEqual({ service, n, speaks: true });
      }
  });

  test.each(cases)('holds for everything else, and the way back works: %s, over IPv%i', async (name, family) => {
    expect(await stage.connect('other', family)).toBeDefined();
    stage.hangUp();
    await stage.changes.apply(policyOf({ rules: CUTTING[name]! }), LONG_MS);
    const opened = [await stage.connect('other', family), await stage.connect('other', family)];
    expect(opened.filter((socket) => socket !== undefined)).toHaveLength(name.includes('one connection') ? 1 : 0);
    await stage.changes.restore('by hand');
    for (let n = 0; n < 3; n++) expect(await stage.connect('other', family)).toBeDefined();
  });

  test.each(FAMILIES)('that denies everything leaves alone what the gateway begins, and its loopback, over IPv%i', async (family) => {
    const own = await inside(stage.peer.name, async () => listening(ENDS[family].peer));
    const { address, port } = own.address() as AddressInfo;
    const toPeer = () => connected(address, port);
    const toItself = () => connected(family === 4 ? '127.0.0.1' : '::1', PORTS.other);
    const before = [await toPeer(), await toItself()];
    await stage.changes.apply(policyOf({ rules: CUTTING['no connection at all']! }), LONG_MS);
    for (const socket of [...before, await toPeer(), await toItself()]) {
      expect(await stage.speaks(socket)).toBe(true);
      socket.destroy();
    }
    expect(await stage.connect('other', family)).toBeUndefined();
    own.close();
  });

  test('that nobody confirms, because no new connection comes in, is gone by its deadline', async () => {
    const { record } = await stage.changes.apply(policyOf({ rules: CUTTING['no tracking at all']! }), 1500);
    expect(await stage.connect('other', 4)).toBeUndefined();
    await until('the way in again', async () => ((await stage.connect('other', 4)) ? true : undefined));
    const outcome = await until('the end of the change', () => {
      const last = stage.folder.lastOutcome();
      return last?.id === record.id ? last : undefined;
    });
    expect(outcome).toMatchObject({ outcome: 'restored', why: 'It was not confirmed in time.' });
    expect(stage.folder.pending()).toBeUndefined();
  });

  test('is not confirmed by a connection that was there before it', async () => {
    const openedAtBootMs = bootClock.bootMs();
    const old = await stage.connect('ssh', 4);
    await stage.changes.apply(policyOf({ rules: CUTTING['one connection for each address']! }), LONG_MS);
    expect(old && (await stage.speaks(old))).toBe(true);
    await expect(stage.changes.confirm({ openedAtBootMs })).rejects.toThrow(/connect again/);
    expect(stage.folder.pending()?.phase).toBe('unconfirmed');
  });

  test('of two hundred rules is set whole, and leaves nothing', async () => {
    const rules = Array.from({ length: 200 }, (_, n): PolicyRule => ({
      name: `rule ${n}`,
      match: { proto: 'udp', src: Array.from({ length: 20 }, (__, host) => `10.${n}.${2 * host}.0/24`), dport: at(1000 + n) },
      idleTimeoutSeconds: 20 + n,
      limits: { perSource: 10 + n, answer: 'drop' },
    }));
    const { plan } = await stage.changes.apply(policyOf({ rules }), LONG_MS);
    expect(JSON.stringify(plan.changes.table?.to).length).toBeGreaterThan(256 * 1024);
    await stage.changes.restore('by hand');
    expect(stage.gateway.run('nft', 'list', 'tables')).not.toContain('ctfleet_policy');
  });

  test('forgets nothing that a limit had counted when it is taken back', async () => {
    const one = (perSource: number): PolicyRule[] => [
      { name: 'few', match: { proto: 'tcp', dport: at(PORTS.other) }, limits: { perSource, answer: 'drop' } },
    ];
    await stage.changes.apply(policyOf({ rules: one(3) }), LONG_MS);
    await stage.changes.confirm({ openedAtBootMs: bootClock.bootMs() });
    for (let n = 0; n < 3; n++) expect(await stage.connect('other', 4)).toBeDefined();
    expect(await stage.connect('other', 4)).toBeUndefined();
    await stage.changes.apply(policyOf({ rules: one(50) }), LONG_MS);
    await stage.changes.restore('by hand');
    expect(await stage.connect('other', 4)).toBeUndefined();
    await stage.changes.apply(policyOf({}), LONG_MS);
    await stage.changes.confirm({ openedAtBootMs: bootClock.bootMs() });
    expect(await stage.connect('other', 4)).toBeDefined();
  });
});
