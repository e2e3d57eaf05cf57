import { fileURLToPath } from 'node:url';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { builtInProtections } from '../../agent/operations/guard.ts';
import { Outcome } from '../../proto/gen/ctfleet/v1/operation.ts';
import { runIn } from '../lab/namespace.ts';
import { FORWARDED_PORT } from '../lab/rules.ts';
import { clientAddress, clientAddress6, externalAddress, SERVERS, SERVERS6 } from '../lab/topology.ts';
import { Blocking } from '../support/blocking.ts';
import { Conversation } from '../support/conversation.ts';
import { Namespace } from '../support/namespace.ts';
import { StrictGateway } from '../support/strict-gateway.ts';
import { until } from '../support/until.ts';
import { filterOf } from '../support/filter-of.ts';

const [server, other] = SERVERS as [string, string];
const [server6] = SERVERS6 as [string];
const GATEWAY = '10.1.0.1';
const PING = fileURLToPath(new URL('../lab/traffic/ping.ts', import.meta.url));
const why = Namespace.why();

describe.skipIf(why !== undefined)(`a block${why ? ` (skipped: ${why})` : ''}`, () => {
  let gateway: StrictGateway;
  let blocking: Blocking;
  let port = 42_000;
  let hosts = 40;
  /** A LAN host that no other test has used. */
  const host = (): string => clientAddress(1, ++hosts);
  const talk = (
    kind: 'tcp' | 'udp',
    client: string,
    to: string,
    toPort: number,
    word: 'open' | 'serving' = 'open',
  ): Promise<Conversation> => gateway.converse('lan', word, 'talk.ts', kind, client, ++port, to, toPort);
  /** What a new connection sees first: `open` if it gets through. */
  const attempt = async (
    kind: 'tcp' | 'udp',
    client: string,
    to: string,
    toPort: number,
    word: string,
    timeoutMs?: number,
  ): Promise<void> => {
    const conversation = new Conversation(gateway.lab.names.lan(1), 'talk.ts', [kind, client, ++port, to, toPort]);
    try {
      if (kind === 'udp') {
        await conversation.heard('open');
        conversation.say('hello');
      }
      await conversation.heard(word, timeoutMs);
    } finally {
      await conversation.end();
    }
  };
  const canPing = (where: string, from: string, to: string): boolean =>
    runIn(where, process.execPath, [PING, 'lan0', from, to]) === 'answered\n';
  const lan = (): string => gateway.lab.names.lan(1);
  const tables = (): string => runIn(gateway.name, 'nft', ['list', 'tables']);

  beforeAll(async () => {
    gateway = await StrictGateway.start('ctg-block');
  });
  afterAll(() => gateway.end());
  beforeEach(() => {
    blocking = new Blocking(gateway.table);
  });
  afterEach(() => blocking.end());

  test('a blocked host cannot return from another port or by another protocol, and others are unaffected', async () => {
    const [attacker, bystander] = [host(), host()];
    const [tcp, udp, beside] = [
      await talk('tcp', attacker, server, 7),
      await talk('udp', attacker, server, 9000),
      await talk('tcp', bystander, server, 7),
    ];
    for (const one of [tcp, udp, beside]) await one.exchange('one');
    expect(canPing(lan(), attacker, server)).toBe(true);
    const { id, outcomes } = await blocking.block(`host:${attacker}`, await gateway.flows(`host:${attacker}`));
    expect(outcomes).toEqual([Outcome.OUTCOME_BLOCKED, Outcome.OUTCOME_BLOCKED, Outcome.OUTCOME_BLOCKED]);
    expect(await blocking.refused(id)).toBe(0);
    await attempt('tcp', attacker, server, 7, 'ECONNREFUSED');
    await attempt('udp', attacker, other, 9000, 'EHOSTUNREACH');
    expect(canPing(lan(), attacker, server)).toBe(false);
    tcp.say('again');
    await tcp.heard('ECONNRESET');
    expect(await blocking.refused(id)).toBeGreaterThanOrEqual(4);
    expect(await gateway.flows(`host:${attacker}`)).toEqual([]);
    await beside.exchange('still here');
  });

  test('a host that currently has no flow is blocked, also towards and from the gateway itself', async () => {
    const quiet = host();
    const { id } = await blocking.block(`host:${quiet}`, []);
    expect(canPing(lan(), quiet, GATEWAY)).toBe(false);
    expect(canPing(gateway.name, GATEWAY, quiet)).toBe(false);
    await attempt('tcp', quiet, server, 7, 'ECONNREFUSED');
    expect(await blocking.refused(id)).toBeGreaterThanOrEqual(3);
    await blocking.blocks.lift([id]);
    expect(canPing(lan(), quiet, GATEWAY)).toBe(true);
    expect(canPing(gateway.name, GATEWAY, quiet)).toBe(true);
    expect(tables()).not.toContain('ctfleet_block');
  });

  test('an IPv6 host is blocked, and its neighbours can still find it', async () => {
    const attacker = clientAddress6(1, 77);
    const open = await talk('tcp', attacker, server6, 7);
    await open.exchange('one');
    await blocking.block(`host:${attacker}`, await gateway.flows(`host:${attacker}`));
    await attempt('tcp', attacker, server6, 7, 'ECONNREFUSED');
    expect(canPing(lan(), clientAddress6(1, 78), server6)).toBe(true);
    expect(canPing(lan(), attacker, server6)).toBe(false);
    open.say('again');
    await open.heard('ECONNRESET');
    await attempt('tcp', clientAddress6(1, 78), server6, 7, 'open');
  });

  test('the server of a blocked connection is told, although its packets no longer belong to any flow', async () => {
    const attacker = host();
    const listener = await gateway.converse('inet', 'serving', 'echo.ts', server, 7781);
    const doomed = await talk('tcp', attacker, server, 7781);
    await doomed.exchange('one');
    await blocking.block(`host:${attacker}`, await gateway.flows(`host:${attacker}`));
    listener.say('hello');
    await listener.heard('ECONNRESET');
    await listener.end();
  });

  test('a filter narrows a block exactly: a port, a server, a protocol', async () => {
    const attacker = host();
    await blocking.block(`src:${attacker} dst:${server} proto:tcp dport:7`, []);
    await attempt('tcp', attacker, server, 7, 'ECONNREFUSED');
    await attempt('tcp', attacker, other, 7, 'open');
    await attempt('tcp', attacker, server, 80, 'open');
    await attempt('udp', attacker, server, 9000, 'hello');
    await attempt('tcp', host(), server, 7, 'open');
  });

  test('whatever the filter does not match continues', async () => {
    const attacker = host();
    await blocking.block(`host:${attacker} -dport:80`, []);
    await attempt('tcp', attacker, server, 80, 'open');
    await attempt('tcp', attacker, server, 7, 'ECONNREFUSED');
    expect(canPing(lan(), attacker, server)).toBe(false);
  });

  test('a port forward is blocked by its outside address and by its server; blocking what the server starts spares others', async () => {
    const inside = clientAddress(1, 0);
    const behind = new Conversation(lan(), 'echo.ts', [inside, 443]);
    await behind.heard('serving');
    const visit = async (word: string): Promise<void> => {
      const visitor = new Conversation(gateway.lab.names.inet, 'talk.ts', ['tcp', other, ++port, externalAddress(1, 1), FORWARDED_PORT]);
      await visitor.heard(word);
      await visitor.end();
    };
    await visit('open');
    for (const filter of [`dst:${externalAddress(1, 1)} dport:${FORWARDED_PORT}`, `host:${inside}`, `rsrc:${inside}`]) {
      const { id } = await blocking.block(filter, []);
      await visit('ECONNREFUSED');
      await blocking.blocks.lift([id]);
    }
    await blocking.block(`src:${inside}`, []);
    await visit('open');
    await attempt('tcp', inside, server, 7, 'ECONNREFUSED');
    await behind.end();
  });

  test('an address that flows are translated to is blocked from their first packet on', async () => {
    await blocking.block(`nat:${externalAddress(1, 1)} dport:9000`, []);
    const client = host();
    const lost = await talk('udp', client, server, 9000);
    lost.say('nobody hears this');
    await attempt('udp', client, server, 53, 'hello');
    expect(lost.unheard).toEqual([]);
  });

  test('packets that the gateway does not track are refused too', async () => {
    const attacker = host();
    runIn(
      gateway.name,
      'nft',
      ['-f', '-'],
      `table ip untracked { chain early { type filter hook prerouting priority raw; ip saddr ${attacker} notrack; }\n }\n`,
    );
    try {
      expect(canPing(lan(), attacker, GATEWAY)).toBe(true);
      await blocking.block(`host:${attacker}`, []);
      expect(canPing(lan(), attacker, GATEWAY)).toBe(false);
    } finally {
      runIn(gateway.name, 'nft', ['delete', 'table', 'ip', 'untracked']);
    }
  });

  test('GRE and ESP of a blocked host do not pass', async () => {
    const attacker = host();
    const arrived = (proto: number): number =>
      Number(/packets (\d+)/.exec(runIn(gateway.lab.names.inet, 'nft', ['list', 'counter', 'ip', 'tunnels', `p${proto}`]))?.[1]);
    runIn(
      gateway.lab.names.inet,
      'nft',
      ['-f', '-'],
      'table ip tunnels { counter p47 {\n }\n counter p50 {\n }\n chain arriving { type filter hook prerouting priority -400; meta l4proto gre counter name p47\n meta l4proto esp counter name p50\n }\n }\n',
    );
    const send = async (): Promise<void> => {
      for (const kind of ['gre', 'esp']) {
        const sender = new Conversation(lan(), 'packets.ts', [kind, attacker, server]);
        await sender.heard('sent');
        await sender.end();
      }
    };
    await send();
    await until('both have come', () => (arrived(47) === 1 && arrived(50) === 1) || undefined);
    const { id, outcomes } = await blocking.block(`host:${attacker}`, await gateway.flows(`host:${attacker}`));
    expect(outcomes).toEqual([Outcome.OUTCOME_BLOCKED, Outcome.OUTCOME_BLOCKED]);
    await send();
    await until('both are refused', async () => (await blocking.refused(id)) >= 2 || undefined);
    expect([arrived(47), arrived(50)]).toEqual([1, 1]);
  });

  test('a block of the administrator’s host leaves SSH to the gateway working, and says so', async () => {
    const admin = host();
    blocking.protections = builtInProtections([GATEWAY], { addresses: [server], port: 7 });
    const listener = new Conversation(gateway.name, 'echo.ts', [GATEWAY, 22]);
    await listener.heard('serving');
    const ssh = await talk('tcp', admin, GATEWAY, 22);
    await ssh.exchange('one');
    const { id } = await blocking.block(
      `host:${admin}`,
      (await gateway.flows(`host:${admin}`)).filter(({ orig }) => orig.dport !== 22),
    );
    await ssh.exchange('still here');
    await attempt('tcp', admin, GATEWAY, 22, 'open');
    expect(canPing(lan(), admin, GATEWAY)).toBe(false);
    const [standing] = await blocking.blocks.standing();
    expect(standing?.id).toBe(id);
    expect(blocking.blocks.spares(standing!.refused)).toEqual(['SSH to the gateway']);
    await listener.end();
  });

  test('a block of the controller’s address leaves the agent connected, even when it reconnects', async () => {
    const own = externalAddress(1, 1);
    blocking.protections = builtInProtections([own], { addresses: [server], port: 7 });
    const dial = async (): Promise<Conversation> => {
      const channel = new Conversation(gateway.name, 'talk.ts', ['tcp', own, ++port, server, 7]);
      await channel.heard('open');
      return channel;
    };
    const channel = await dial();
    const { id } = await blocking.block(`host:${server}`, []);
    await channel.exchange('still here');
    const again = await dial();
    await attempt('tcp', host(), server, 80, 'ECONNREFUSED');
    expect(canPing(gateway.name, own, server)).toBe(false);
    expect(blocking.blocks.spares((await blocking.blocks.standing()).find((one) => one.id === id)!.refused)).toContain('agent channel');
    for (const one of [channel, again]) await one.end();
  });

  test('traffic that the guard file protects passes a block, even if it becomes protected later', async () => {
    const phone = host();
    const protect = (filter: string): void => {
      blocking.protections = [{ reason: 'SIP trunk', filter: filterOf(filter) }];
    };
    protect(`dst:${server} dport:53`);
    await blocking.block(`host:${phone}`, []);
    await attempt('udp', phone, server, 53, 'hello');
    await attempt('udp', phone, server, 9000, 'EHOSTUNREACH');
    protect(`dst:${server} dport:53,9000`);
    await until('the other port is spared', async () =>
      attempt('udp', phone, server, 9000, 'hello', 1000).then(
        () => true,
        () => undefined,
      ),
    );
    protect('mark:0x100');
    await until(
      'a protection that no packet shows ends the block',
      async () => (await blocking.blocks.standing()).length === 0 || undefined,
    );
    await attempt('udp', phone, server, 53, 'hello');
    expect(canPing(lan(), phone, server)).toBe(true);
    await expect(blocking.block(`host:${phone}`, [])).rejects.toThrow('“SIP trunk” cannot be told by a packet');
  });

  test('a block ends by itself, even if the agent is gone', async () => {
    const attacker = host();
    await blocking.block(`host:${attacker}`, [], 3);
    await blocking.die();
    expect(canPing(lan(), attacker, GATEWAY)).toBe(false);
    await until('the kernel has removed it', () => canPing(lan(), attacker, GATEWAY) || undefined);
    await blocking.blocks.adopt();
    expect(await blocking.blocks.standing()).toEqual([]);
    expect(tables()).not.toContain('ctfleet_block');
  });

  test('an agent that restarts takes over a block and its count', async () => {
    const attacker = host();
    const { id } = await blocking.block(`host:${attacker}`, []);
    expect(canPing(lan(), attacker, GATEWAY)).toBe(false);
    const before = await blocking.refused(id);
    await blocking.die();
    await blocking.blocks.adopt();
    expect(before).toBeGreaterThan(0);
    expect(await blocking.refused(id)).toBe(before);
    expect(canPing(lan(), attacker, GATEWAY)).toBe(false);
    await blocking.blocks.lift([id]);
    expect(canPing(lan(), attacker, GATEWAY)).toBe(true);
  });

  test('a firewall reload ends no block, whether the agent is running or starts later', async () => {
    const attacker = host();
    const firewall = runIn(gateway.name, 'nft', ['list', 'ruleset']);
    const loadAgain = (): string => runIn(gateway.name, 'nft', ['-f', '-'], `flush ruleset\n${firewall}`);
    const { id } = await blocking.block(`host:${attacker}`, []);
    loadAgain();
    expect(tables()).not.toContain('ctfleet_block');
    await until('the block is back', () => tables().includes('ctfleet_block') || undefined);
    expect(canPing(lan(), attacker, GATEWAY)).toBe(false);
    expect(await blocking.refused(id)).toBeGreaterThan(0);
    await blocking.die();
    loadAgain();
    await blocking.blocks.adopt();
    expect(canPing(lan(), attacker, GATEWAY)).toBe(false);
  });

  test('a block of a single connection claims no more than it does: a new one from another port gets through', async () => {
    const client = host();
    const [doomed, beside] = [await talk('udp', client, server, 9000), await talk('udp', client, server, 9000)];
    await doomed.exchange('one');
    await beside.exchange('one');
    const flow = (await gateway.flows(`src:${client}`)).find(({ orig }) => orig.sport === port - 1)!;
    const { id, outcomes } = await blocking.block(`src:${client} id:${flow.id}`, [flow]);
    expect(outcomes).toEqual([Outcome.OUTCOME_BLOCKED]);
    doomed.say('again');
    await doomed.heard('EHOSTUNREACH');
    expect(await blocking.refused(id)).toBe(1);
    await beside.exchange('still here');
    await attempt('udp', client, server, 9000, 'hello');
  });

  test('a blocked connection does not take down another that is translated to its former port', async () => {
    const [doomed, heir] = [host(), host()];
    const first = await gateway.converse('lan', 'open', 'talk.ts', 'udp', doomed, 45_678, server, 9000);
    await first.exchange('one');
    const flow = await gateway.flow(`src:${doomed}`);
    await blocking.block(`src:${doomed} id:${flow.id}`, [flow]);
    const second = await gateway.converse('lan', 'open', 'talk.ts', 'udp', heir, 45_678, server, 9000);
    await second.exchange('two');
    expect((await gateway.flow(`src:${heir}`)).reply).toEqual(flow.reply);
    await second.exchange('three');
    first.say('again');
    await first.heard('EHOSTUNREACH');
  });

  test('a flood of refused packets causes no flood of replies', async () => {
    const attacker = host();
    const { id } = await blocking.block(`host:${attacker}`, []);
    runIn(
      lan(),
      'nft',
      ['-f', '-'],
      'table ip heard { counter answers {\n }\n chain arriving { type filter hook input priority 0; tcp flags & rst == rst counter name answers\n }\n }\n',
    );
    const flood = new Conversation(lan(), 'packets.ts', ['syn', attacker, server, 20_000]);
    await flood.heard('sent');
    await until('most of them are refused', async () => (await blocking.refused(id)) > 15_000 || undefined);
    await flood.end();
    const answers = Number(/packets (\d+)/.exec(runIn(lan(), 'nft', ['list', 'counter', 'ip', 'heard', 'answers']))?.[1]);
    expect(answers).toBeGreaterThan(0);
    expect(answers).toBeLessThan(5000);
    runIn(lan(), 'nft', ['delete', 'table', 'ip', 'heard']);
  });
});
