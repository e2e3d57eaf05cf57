import { afterEach, describe, expect, test } from 'vitest';
import { KernelTable } from '../../../agent/conntrack/kernel-table.ts';
import type { FlowContext, WanFacts } from '../../../agent/conntrack/table.ts';
import { parseAddress } from '../../../proto/model/address.ts';
import { parseFilter } from '../../../proto/model/filter/parse.ts';
import type { Flow } from '../../../proto/model/flow.ts';
import { Lab, type Failure } from '../../lab/lab.ts';
import { runIn } from '../../lab/namespace.ts';
import type { NatKind } from '../../lab/rules.ts';
import { clientAddress, clientAddress6, externalAddress, externalAddress6, SERVERS, SERVERS6, type WanNumber } from '../../lab/topology.ts';
import { Conversation } from '../../support/conversation.ts';
import { enterNamespace, Namespace } from '../../support/namespace.ts';
import { until } from '../../support/until.ts';

const why = Namespace.why();
const [TALKER, TALKER6, PEER] = [clientAddress(1, 5), clientAddress6(1, 5), clientAddress(1, 6)];

/** One gateway of the lab with a table of this thread, and what ends it. */
interface Gateway { lab: Lab; table: KernelTable; converse(where: 'lan' | 'inet', word: string, script: string, ...args: (string | number)[]): Promise<Conversation>; end(): Promise<void> }
let gateway: Gateway;
let made = 0;
afterEach(() => gateway.end());

async function start(nat: NatKind, pin: boolean): Promise<Gateway> {
  const lab = new Lab({ prefix: `ctw-stale-${process.pid}-${++made}`, gateways: 1, nat, pin });
  lab.up();
  const leave = enterNamespace(lab.names.gateway(1));
  const table = new KernelTable();
  const conversations: Conversation[] = [];
  gateway = {
    lab, table,
    converse: async (where, word, script, ...args) => {
      const conversation = new Conversation(where === 'lan' ? lab.names.lan(1) : lab.names.inet, script, args);
      conversations.push(conversation);
      await conversation.heard(word);
      return conversation;
    },
    end: async () => {
      for (const conversation of conversations) await conversation.end();
      await table.close();
      leave();
      lab.down();
    },
  };
  await gateway.converse('inet', 'serving', 'servers.ts');
  return gateway;
}

/** What the agent would know: each WAN by its interface, and its state. */
function contextOf(state: Partial<Record<WanNumber, Partial<WanFacts>>> = {}): FlowContext {
  const wan = (n: WanNumber): WanFacts => ({
    name: `wan${n}`, interface: `wan${n}`, addresses: [parseAddress(externalAddress(1, n))!, parseAddress(externalAddress6(1, n))!],
    isUp: true, ...state[n],
  });
  return { wans: [wan(1), wan(2)], protections: [] };
}

async function staleFlows({ table }: Gateway, context: FlowContext, filter = 'stale:yes'): Promise<Flow[]> {
  const parsed = parseFilter(filter);
  if ('problem' in parsed) throw new Error(parsed.problem.message);
  return (await table.search({ filter: parsed.filter, context, limit: 100 })).rows;
}

const named = (flows: Flow[]): string[] => flows.map((flow) => `${flow.orig.src} ${flow.stale}`).sort();

/** The whole table of failures: which flows are stale once the route has moved, and that exactly there a delete heals the talk. */
const CASES: [nat: NatKind, pin: boolean, failure: Failure, stale: string | undefined][] = [
  ['snat', false, 'admin', 'route-moved'],
  ['snat', false, 'silent', 'route-moved'],
  ['snat', false, 'metric', 'route-moved'],
  ['snat', false, 'carrier', undefined],
  ['snat', true, 'admin', 'wan-down'],
  ['snat', true, 'silent', 'wan-down'],
  ['snat', true, 'metric', undefined],
  ['snat', true, 'carrier', undefined],
  ['masquerade', false, 'admin', undefined],
  ['masquerade', false, 'silent', undefined],
  ['masquerade', false, 'metric', undefined],
  ['masquerade', false, 'carrier', undefined],
  ['masquerade', true, 'admin', undefined],
  ['masquerade', true, 'silent', 'wan-down'],
  ['masquerade', true, 'metric', undefined],
];

describe.skipIf(why !== undefined)(`stale flows of a real gateway${why ? ` (skipped: ${why})` : ''}`, () => {
  test.each(CASES)('%s, pinned %s, %s: %s', async (nat, pin, failure, reason) => {
    const { lab, table, converse } = await start(nat, pin);
    const context = (state?: Parameters<typeof contextOf>[0]): FlowContext => contextOf(state);
    const talk = await converse('lan', 'open', 'talk.ts', 'udp', TALKER, 7000, SERVERS[0]!, 9000);
    await talk.exchange('before');
    expect(await staleFlows(gateway, context())).toEqual([]);

    lab.failWan(1, 1, failure);
    if (failure === 'silent') lab.failWan(1, 1, 'metric');
    const failed = context({ 1: failure === 'metric' ? {} : failure === 'silent' ? { isAnswering: false } : { isUp: false } });
    talk.say('lost');
    const later = await converse('lan', 'open', 'talk.ts', 'udp', PEER, 7001, SERVERS[1]!, 9000);
    if (failure !== 'carrier') await later.exchange('through wan2');

    const stale = await staleFlows(gateway, failed);
    expect(named(stale)).toEqual(reason === undefined ? [] : [`${TALKER} ${reason}`]);
    expect((await table.breakdown(failed)).staleByWan).toEqual(reason === undefined ? {} : { wan1: 1 });
    expect(await staleFlows(gateway, failed, '-stale:yes proto:udp dport:9000 src:10.0.0.0/8')).toHaveLength((await staleFlows(gateway, failed, 'proto:udp dport:9000 src:10.0.0.0/8')).length - stale.length);
    if (reason === undefined) return;

    expect(talk.unheard).not.toContain('lost');
    const frozen: Flow[] = [];
    for await (const batch of table.collect({ filter: { kind: 'term', field: 'stale', match: { kind: 'glob', pattern: 'yes' } }, context: failed })) frozen.push(...batch);
    expect(named(frozen)).toEqual(named(stale));
    expect(await table.delete(frozen)).toEqual(['deleted']);
    await until('the talk goes on through the other WAN', async () => {
      talk.say('after');
      return talk.unheard.includes('after') || undefined;
    });
    expect(await staleFlows(gateway, failed)).toEqual([]);
  });

  test('an IPv6 flow is judged by its own routes, and by its address, which a link that goes down loses', async () => {
    const { lab, converse } = await start('snat', false);
    const server = await converse('lan', 'open', 'talk.ts', 'tcp', TALKER6, 7100, SERVERS6[0]!, 7);
    await server.exchange('before');
    lab.failWan(1, 1, 'metric');
    expect(named(await staleFlows(gateway, contextOf()))).toEqual([`${TALKER6} route-moved`]);
    lab.failWan(1, 1, 'admin');
    expect(named(await staleFlows(gateway, contextOf({ 1: { isUp: false } })))).toEqual([`${TALKER6} address-gone`]);
  });

  test('a connection that came in is stale once its answers leave by the other WAN', async () => {
    const { lab, converse } = await start('snat', false);
    await converse('lan', 'serving', 'echo.ts', clientAddress(1, 0), 443);
    const visitor = await converse('inet', 'open', 'talk.ts', 'tcp', SERVERS[0]!, 7200, externalAddress(1, 1), 8443);
    await visitor.exchange('before');
    expect(await staleFlows(gateway, contextOf())).toEqual([]);
    lab.failWan(1, 1, 'metric');
    expect(named(await staleFlows(gateway, contextOf({ 1: { routeLostAtMs: Date.now() } })))).toEqual([`${SERVERS[0]} route-moved`]);
    expect(await staleFlows(gateway, contextOf({ 1: { routeLostAtMs: 1 } }))).toEqual([]);
    expect(await staleFlows(gateway, contextOf())).toEqual([]);
  });

  test('where the rules of a WAN cannot be told, only a packet since the route moved shows that a flow is stale', async () => {
    const { lab, converse } = await start('snat', false);
    const talk = await converse('lan', 'open', 'talk.ts', 'udp', TALKER, 7300, SERVERS[0]!, 9000);
    await talk.exchange('before');
    runIn(lab.names.gateway(1), 'nft', ['insert rule inet gw lab_postrouting oifname wan1 numgen random mod 2 0 masquerade']);
    lab.failWan(1, 1, 'metric');
    const lost: Partial<WanFacts> = { routeLostAtMs: Date.now() };
    expect(await staleFlows(gateway, contextOf({ 1: lost }))).toEqual([]);
    talk.say('lost');
    await until('the packet counts as one since then', async () => {
      talk.say('lost');
      return (await staleFlows(gateway, contextOf({ 1: lost }))).length === 1 || undefined;
    });
  });
});
