import { closeSync } from 'node:fs';
import koffi from 'koffi';
import { afterEach, describe, expect, test } from 'vitest';
import { observeInterfaces } from '../../agent/wans/observe.ts';
import { formatAddress, parseAddress } from '../../proto/model/address.ts';
import { IPS } from '../../proto/model/status.ts';
import { clientAddress, clientAddress6, externalAddress, externalAddress6, SERVERS, SERVERS6 } from '../lab/topology.ts';
import { createEntries } from '../support/create-entries.ts';
import { Namespace } from '../support/namespace.ts';
import { entryOf } from '../support/sample-entries.ts';
import { contextOf, heals, StaleGateway } from '../support/stale-gateway.ts';

const why = Namespace.why();
const [HOST, TALKER, PEER] = [0, 5, 6].map((client) => clientAddress(1, client)) as [string, string, string];
const TALKER6 = clientAddress6(1, 5);
const [WAN1, WAN2] = [externalAddress(1, 1), externalAddress(1, 2)];
const TALKS = 'proto:udp dport:9000';

const table = (chains: string): string => `table inet site {\n${chains}\n}\n`;
const forwards = (rules: string): string => `chain s_forwards { type nat hook prerouting priority dstnat; ${rules}; }`;
const leaving = (rules: string): string => `chain s_leaving { type nat hook postrouting priority srcnat; ${rules}; }`;
const STATIC = `oifname "wan1" snat ip to ${WAN1}; oifname "wan2" snat ip to ${WAN2}`;

let gateway: StaleGateway;
afterEach(() => gateway.close());

describe.skipIf(why !== undefined)(`flows that are stuck, and flows that only look stuck${why ? ` (skipped: ${why})` : ''}`, () => {
  test('a flow older than its NAT rule is stuck without translation, and ending it restores it', async () => {
    gateway = await StaleGateway.start({
      rules: table('chain s_forward { type filter hook forward priority filter; ct state new accept; }'),
    });
    const talk = await gateway.converse('lan', 'open', 'talk.ts', 'udp', TALKER, 7000, SERVERS[0]!, 9000);
    talk.say('lost');
    await gateway.until(`src:${TALKER}`);
    expect(await gateway.named(`-stale:yes ${TALKS}`)).toEqual([`${TALKER} no`]);
    gateway.rule(table(leaving(STATIC)));
    expect(await gateway.named('stale:untranslated')).toEqual([`${TALKER} untranslated`]);
    expect(await gateway.named('stale:yes wan:wan1')).toEqual([`${TALKER} untranslated`]);
    talk.say('lost too');
    expect(await gateway.end('stale:untranslated')).toBe(1);
    await heals(talk, 'heard');
    expect(talk.unheard.filter((line) => line.startsWith('lost'))).toEqual([]);
    expect(await gateway.named(TALKS)).toEqual([`${TALKER} no`]);
  });

  test('a flow with an address from a routed block, on no interface, is its WAN’s, and stale when the route moves', async () => {
    gateway = await StaleGateway.start({
      rules: table(leaving(`oifname "wan1" snat ip to 203.0.113.9; oifname "wan2" snat ip to ${WAN2}`)),
    });
    gateway.ip('inet', 'route', 'add', '203.0.113.9', 'via', WAN1, 'dev', 'isp1');
    gateway.provider('insert rule inet isp lab_pre iifname "isp2" ip saddr 203.0.113.9 drop');
    const talk = await gateway.converse('lan', 'open', 'talk.ts', 'udp', TALKER, 7000, SERVERS[0]!, 9000);
    await talk.exchange('before');
    expect(await gateway.named(`wan:wan1 -stale:yes ${TALKS}`)).toEqual([`${TALKER} no`]);
    gateway.lab.failWan(1, 1, 'metric');
    talk.say('lost');
    expect(await gateway.named('wan:wan1 stale:route-moved')).toEqual([`${TALKER} route-moved`]);
    expect((await gateway.table.breakdown(contextOf())).staleByWan).toEqual({ wan1: 1 });
    expect(talk.unheard).not.toContain('lost');
    await gateway.end('stale:yes');
    await heals(talk, 'after');
  });

  test('a forward that was redirected or removed leaves its flows behind', async () => {
    const to = (address: string): string =>
      table(forwards(`iifname "wan1" udp dport 5060 dnat ip to ${address}; iifname "wan1" tcp dport 5060 dnat ip to ${address}`));
    gateway = await StaleGateway.start({ rules: to(`${HOST}:9000`) });
    for (const host of [HOST, PEER]) await gateway.converse('lan', 'serving', 'echo.ts', host, 9000, 'udp');
    await gateway.converse('lan', 'serving', 'echo.ts', HOST, 9000);
    const visitor = await gateway.converse('inet', 'open', 'talk.ts', 'udp', SERVERS[0]!, 7200, WAN1, 5060);
    const caller = await gateway.converse('inet', 'open', 'talk.ts', 'tcp', SERVERS[1]!, 7200, WAN1, 5060);
    for (const talk of [visitor, caller]) await talk.exchange('before');
    expect(await gateway.named('-stale:yes dport:5060')).toEqual([`${SERVERS[0]} no`, `${SERVERS[1]} no`]);
    gateway.rule(`flush ruleset\n${to(`${PEER}:9000`)}`);
    expect(await gateway.named('stale:yes')).toEqual([`${SERVERS[0]} forward-changed`]);
    // A connection with replies may continue where it is; another host would reset it.
    expect(await gateway.named('-stale:yes dport:5060')).toEqual([]);
    await caller.exchange('still there');
    expect((await gateway.flows('stale:forward-changed')).map(({ reply }) => reply.src)).toEqual([HOST]);
    await gateway.end('stale:forward-changed');
    await heals(visitor, 'after');
    expect((await gateway.flows('proto:udp dport:5060')).map(({ reply, stale }) => [reply.src, stale])).toEqual([[PEER, 'no']]);
    gateway.rule(`flush ruleset\n${table(leaving(STATIC))}`);
    expect(await gateway.named('stale:forward-changed')).toEqual([`${SERVERS[0]} forward-changed`]);
  });

  test('a forward added after a flow’s first packet makes that flow stale until it is ended', async () => {
    gateway = await StaleGateway.start({ rules: table('chain s_input { type filter hook input priority filter; ct state new accept; }') });
    await gateway.converse('lan', 'serving', 'echo.ts', HOST, 9000, 'udp');
    const visitor = await gateway.converse('inet', 'open', 'talk.ts', 'udp', SERVERS[0]!, 7200, WAN1, 5060);
    visitor.say('nobody there');
    await gateway.until(`src:${SERVERS[0]} dport:5060`);
    gateway.rule(table(forwards(`iifname "wan1" udp dport 5060 dnat ip to ${HOST}:9000`)));
    expect(await gateway.named('stale:yes')).toEqual([`${SERVERS[0]} forward-changed`]);
    await gateway.end('stale:yes');
    await heals(visitor, 'heard');
  });

  test('a prefix routed to one WAN without NAT is that WAN’s, and deleting its flows helps nobody', async () => {
    gateway = await StaleGateway.start({
      rules: table(
        `${leaving(`meta nfproto ipv4 oifname "wan1" snat ip to ${WAN1}`)}\nchain s_forward { type filter hook forward priority filter; ct state new accept; }`,
      ),
    });
    gateway.ip('inet', '-6', 'route', 'add', 'fd00:1::/32', 'via', externalAddress6(1, 1), 'dev', 'isp1');
    const talk = await gateway.converse('lan', 'open', 'talk.ts', 'tcp', TALKER6, 7100, SERVERS6[0]!, 7);
    await talk.exchange('through');
    expect(await gateway.named('wan:wan1 dport:7')).toEqual([`${TALKER6} no`]);
    expect(await gateway.named('-stale:yes family:ipv6 dport:7')).toEqual([`${TALKER6} no`]);
    const { facets } = await gateway.table.search({ filter: { kind: 'everything' }, context: contextOf(), limit: 0, withFacets: true });
    expect(facets.find(({ field }) => field === 'wan')!.values).toEqual([{ value: 'wan1', flows: 1 }]);
    gateway.lab.failWan(1, 1, 'metric');
    expect(await gateway.named('wan:wan2 dport:7')).toEqual([`${TALKER6} no`]);
  });

  test('a call between two LAN hosts by the external address belongs to no WAN, wherever the route leads', async () => {
    gateway = await StaleGateway.start({
      rules: table(
        `${forwards(`ip daddr ${WAN1} tcp dport 8443 dnat ip to ${HOST}:443`)}\n${leaving(`oifname "lan0" ct status dnat masquerade; ${STATIC}`)}`,
      ),
    });
    await gateway.converse('lan', 'serving', 'echo.ts', HOST, 443);
    const talk = await gateway.converse('lan', 'open', 'talk.ts', 'tcp', TALKER, 7000, WAN1, 8443);
    await talk.exchange('round the corner');
    expect(await gateway.named('wan:none -stale:yes dport:8443')).toEqual([`${TALKER} no`]);
    for (const failure of ['metric', 'admin'] as const) {
      gateway.lab.failWan(1, 1, failure);
      await talk.exchange(`still there after ${failure}`);
      expect(await gateway.named('stale:yes')).toEqual([]);
    }
  });

  test('one mark rule for QoS in postrouting hides no stale flow', async () => {
    gateway = await StaleGateway.start({
      rules: table(`${leaving(STATIC)}\nchain s_qos { type filter hook postrouting priority mangle; udp dport 9000 meta mark set 0x100; }`),
    });
    await movedWithStale();
  });

  test('a Docker rule beside static SNAT hides no stale flow', async () => {
    gateway = await StaleGateway.start({
      rules: `${table(leaving(STATIC))}table ip nat { chain POSTROUTING { type nat hook postrouting priority srcnat; policy accept; oifname != "docker0" ip saddr 172.17.0.0/16 counter masquerade; }; }`,
    });
    await movedWithStale();
  });

  test('a forward to a host that another rule forwards again is not stale', async () => {
    const rules = `iifname "wan1" tcp dport 8443 dnat ip to ${HOST}:443; ip daddr ${HOST} tcp dport 443 dnat ip to ${PEER}:444`;
    gateway = await StaleGateway.start({
      rules: table(`${forwards(rules)}\n${leaving(`oifname "lan0" ct status dnat masquerade; ${STATIC}`)}`),
    });
    for (const [host, port] of [
      [HOST, 443],
      [PEER, 444],
    ] as const)
      await gateway.converse('lan', 'serving', 'echo.ts', host, port);
    const visitor = await gateway.converse('inet', 'open', 'talk.ts', 'tcp', SERVERS[0]!, 7200, WAN1, 8443);
    await visitor.exchange('hello');
    expect((await gateway.flows('dport:8443')).map(({ reply, stale }) => [reply.src, stale])).toEqual([[HOST, 'no']]);
  });

  test('the flows of the other node of a pair are never stale on the one that does not hold the address', async () => {
    gateway = await StaleGateway.start({
      rules: table(leaving(`oifname "wan1" snat ip to 198.18.0.100; oifname "wan2" snat ip to ${WAN2}`)),
    });
    gateway.ip('gateway', 'addr', 'add', '198.18.0.100/32', 'dev', 'wan1');
    const talk = await gateway.converse('lan', 'open', 'talk.ts', 'udp', TALKER, 7000, SERVERS[0]!, 9000);
    await talk.exchange('before');
    const seen = observeInterfaces().virtualAddresses!;
    expect(seen.map(({ address, isCertain }) => [formatAddress(address), isCertain])).toEqual([['198.18.0.100', false]]);
    const had = contextOf({ 1: { addresses: [parseAddress('198.18.0.100')!, parseAddress(WAN1)!] } });
    expect(await gateway.named(`-stale:yes ${TALKS}`, { ...had, virtualAddresses: seen })).toEqual([`${TALKER} no`]);
    // The other node takes over, and this one reaches the internet another way.
    gateway.ip('gateway', 'addr', 'del', '198.18.0.100/32', 'dev', 'wan1');
    gateway.lab.failWan(1, 1, 'metric');
    expect(await gateway.named('stale:yes', { ...had, virtualAddresses: seen })).toEqual([]);
    expect(await gateway.named(`-stale:yes ${TALKS}`, { ...had, virtualAddresses: seen })).toEqual([]);
    expect(
      await gateway.named(`-stale:yes ${TALKS}`, { ...had, virtualAddresses: seen.map(({ address }) => ({ address, isCertain: true })) }),
    ).toEqual([`${TALKER} no`]);
  });

  test('if a program speaks VRRP, an address that moves to the other node is not called gone', async () => {
    gateway = await StaleGateway.start({
      rules: table(leaving(`oifname "wan1" snat ip to 198.18.0.100; oifname "wan2" snat ip to ${WAN2}`)),
    });
    gateway.ip('gateway', 'addr', 'add', '198.18.0.100/16', 'dev', 'wan1');
    const talk = await gateway.converse('lan', 'open', 'talk.ts', 'udp', TALKER, 7000, SERVERS[0]!, 9000);
    await talk.exchange('before');
    expect(observeInterfaces().virtualAddresses).toEqual([]);
    const vrrp = rawSocket(112);
    const seen = observeInterfaces().virtualAddresses!;
    closeSync(vrrp);
    expect(seen.map(({ address, isCertain }) => [formatAddress(address), isCertain])).toContainEqual(['198.18.0.100', false]);
    gateway.ip('gateway', 'addr', 'del', '198.18.0.100/16', 'dev', 'wan1');
    gateway.lab.failWan(1, 1, 'metric');
    const had = { 1: { addresses: [parseAddress('198.18.0.100')!, parseAddress(WAN1)!] } };
    expect(await gateway.named('stale:yes', contextOf(had))).toEqual([`${TALKER} address-gone`]);
    for (const filter of ['stale:yes', `-stale:yes ${TALKS}`]) expect(await gateway.named(filter, contextOf(had, seen))).toEqual([]);
  });

  test('flows inserted by a program, without a packet seen here, are not judged by an address that is elsewhere', async () => {
    gateway = await StaleGateway.start({
      rules: table(leaving(`oifname "wan1" snat ip to 198.18.0.100; oifname "wan2" snat ip to ${WAN2}`)),
    });
    createEntries([
      entryOf({
        proto: 17,
        orig: { src: TALKER, dst: SERVERS[0]!, sport: 7000, dport: 9000 },
        reply: { dst: '198.18.0.100' },
        status: IPS.SRC_NAT | IPS.SEEN_REPLY,
        timeoutSeconds: 300,
      }),
    ]);
    gateway.lab.failWan(1, 1, 'metric');
    expect(await gateway.named(TALKS)).toEqual([`${TALKER} undefined`]);
    for (const filter of ['stale:yes', `-stale:yes ${TALKS}`]) expect(await gateway.named(filter)).toEqual([]);
  });
});

/** An IPv4 raw socket in the network namespace of this thread. */
function rawSocket(protocol: number): number {
  const fd = (koffi.load(null).func('int socket(int, int, int)') as (family: number, type: number, protocol: number) => number)(
    2,
    3,
    protocol,
  );
  if (fd < 0) throw new Error(`no raw socket: errno ${koffi.errno()}`);
  return fd;
}

/** Many flows by WAN1 and one active flow; once the route has moved, all of them are stale, and ending them restores the active one. */
async function movedWithStale(): Promise<void> {
  const talk = await gateway.converse('lan', 'open', 'talk.ts', 'udp', TALKER, 7000, SERVERS[0]!, 9000);
  await talk.exchange('before');
  await gateway.converse('lan', 'sent', 'burst.ts', PEER, SERVERS[1]!, 9000, 200);
  gateway.lab.failWan(1, 1, 'metric');
  talk.say('lost');
  expect(await gateway.flows('stale:route-moved')).toHaveLength(201);
  expect(talk.unheard).not.toContain('lost');
  expect(await gateway.end('stale:yes')).toBe(201);
  await heals(talk, 'after');
}
