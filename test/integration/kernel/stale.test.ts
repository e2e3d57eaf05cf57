import { afterEach, describe, expect, test } from 'vitest';
import type { WanFacts } from '../../../agent/conntrack/table.ts';
import type { Flow } from '../../../proto/model/flow.ts';
import type { Failure } from '../../lab/lab.ts';
import type { NatKind } from '../../lab/rules.ts';
import { clientAddress, clientAddress6, externalAddress, SERVERS, SERVERS6 } from '../../lab/topology.ts';
import { Namespace } from '../../support/namespace.ts';
import { contextOf, heals, StaleGateway, type WanStates } from '../../support/stale-gateway.ts';
import { until } from '../../support/until.ts';

const why = Namespace.why();
const [TALKER, TALKER6, PEER] = [clientAddress(1, 5), clientAddress6(1, 5), clientAddress(1, 6)];

let gateway: StaleGateway;
const named = (flows: Flow[]): string[] => flows.map((flow) => `${flow.orig.src} ${flow.stale}`).sort();
afterEach(() => gateway.close());

/** The whole table of failures: which flows are stale once the route has moved, and that a delete restores traffic for exactly those. */
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
    gateway = await StaleGateway.start({ nat, pin });
    const { lab, table } = gateway;
    const talk = await gateway.converse('lan', 'open', 'talk.ts', 'udp', TALKER, 7000, SERVERS[0]!, 9000);
    await talk.exchange('before');
    expect(await gateway.flows()).toEqual([]);

    lab.failWan(1, 1, failure);
    if (failure === 'silent') lab.failWan(1, 1, 'metric');
    const state: WanStates = { 1: failure === 'metric' ? {} : failure === 'silent' ? { isAnswering: false } : { isUp: false } };
    const failed = contextOf(state);
    talk.say('lost');
    const later = await gateway.converse('lan', 'open', 'talk.ts', 'udp', PEER, 7001, SERVERS[1]!, 9000);
    if (failure !== 'carrier') await later.exchange('through wan2');

    const stale = await gateway.flows('stale:yes', failed);
    expect(named(stale)).toEqual(reason === undefined ? [] : [`${TALKER} ${reason}`]);
    expect((await table.breakdown(failed)).staleByWan).toEqual(reason === undefined ? {} : { wan1: 1 });
    const talks = 'proto:udp dport:9000 src:10.0.0.0/8';
    expect(await gateway.flows(`-stale:yes ${talks}`, failed)).toHaveLength((await gateway.flows(talks, failed)).length - stale.length);
    if (reason === undefined) return;

    expect(talk.unheard).not.toContain('lost');
    const frozen: Flow[] = [];
    for await (const batch of table.collect({
      filter: { kind: 'term', field: 'stale', match: { kind: 'glob', pattern: 'yes' } },
      context: failed,
    }))
      frozen.push(...batch);
    expect(named(frozen)).toEqual(named(stale));
    expect(await table.delete(frozen)).toEqual(['deleted']);
    await heals(talk, 'after');
    expect(await gateway.flows('stale:yes', failed)).toEqual([]);
  });

  test('an IPv6 flow is judged by its own routes, and by its address, which a link that goes down loses', async () => {
    gateway = await StaleGateway.start();
    const { lab } = gateway;
    const server = await gateway.converse('lan', 'open', 'talk.ts', 'tcp', TALKER6, 7100, SERVERS6[0]!, 7);
    await server.exchange('before');
    lab.failWan(1, 1, 'metric');
    expect(await gateway.named('stale:yes', contextOf())).toEqual([`${TALKER6} route-moved`]);
    lab.failWan(1, 1, 'admin');
    expect(await gateway.named('stale:yes', contextOf({ 1: { isUp: false } }))).toEqual([`${TALKER6} address-gone`]);
  });

  test('an inbound connection is stale once its replies leave by the other WAN', async () => {
    gateway = await StaleGateway.start();
    const { lab } = gateway;
    await gateway.converse('lan', 'serving', 'echo.ts', clientAddress(1, 0), 443);
    const visitor = await gateway.converse('inet', 'open', 'talk.ts', 'tcp', SERVERS[0]!, 7200, externalAddress(1, 1), 8443);
    await visitor.exchange('before');
    expect(await gateway.flows('stale:yes', contextOf())).toEqual([]);
    lab.failWan(1, 1, 'metric');
    expect(await gateway.named('stale:yes', contextOf({ 1: { routeLostAtMs: Date.now() } }))).toEqual([`${SERVERS[0]} route-moved`]);
    expect(await gateway.flows('stale:yes', contextOf({ 1: { routeLostAtMs: 1 } }))).toEqual([]);
    expect(await gateway.flows('stale:yes', contextOf())).toEqual([]);
  });

  test('if a WAN’s rules cannot be evaluated, only a packet since the route moved shows that a flow is stale', async () => {
    gateway = await StaleGateway.start();
    const { lab } = gateway;
    const talk = await gateway.converse('lan', 'open', 'talk.ts', 'udp', TALKER, 7300, SERVERS[0]!, 9000);
    await talk.exchange('before');
    gateway.rule('insert rule inet gw lab_postrouting oifname wan1 numgen random mod 2 0 masquerade');
    lab.failWan(1, 1, 'metric');
    const lost: Partial<WanFacts> = { routeLostAtMs: Date.now() };
    expect(await gateway.flows('stale:yes', contextOf({ 1: lost }))).toEqual([]);
    talk.say('lost');
    await until('the packet counts as one since then', async () => {
      talk.say('lost');
      return (await gateway.flows('stale:yes', contextOf({ 1: lost }))).length === 1 || undefined;
    });
  });
});
