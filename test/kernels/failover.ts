import assert from 'node:assert/strict';
import { clientAddress, SERVERS } from '../lab/topology.ts';
import { contextOf, heals, StaleGateway } from '../support/stale-gateway.ts';
import { sharing, type CheckGroup, type Seen } from './check.ts';

const [TALKER, OTHER] = [clientAddress(1, 5), clientAddress(1, 6)];

export const failoverChecks: CheckGroup = sharing(
  () => StaleGateway.start(),
  (gateway) => gateway.close(),
  {
    'failover: flows of a WAN that the route left are stale, and ending them restores traffic': failover,
  },
);

/** The usual failover: static source translation, and the default route moves to the other WAN. */
async function failover(gateway: StaleGateway): Promise<Seen> {
  // The usual half a minute may pass before a slow machine has asked.
  for (const timeout of ['udp_timeout', 'udp_timeout_stream']) gateway.lab.sysctl(1, `net.netfilter.nf_conntrack_${timeout}`, 3600);
  const talks = [
    await gateway.converse('lan', 'open', 'talk.ts', 'udp', TALKER, 7000, SERVERS[0]!, 9000),
    await gateway.converse('lan', 'open', 'talk.ts', 'udp', OTHER, 7000, SERVERS[1]!, 9000),
  ];
  for (const talk of talks) await talk.exchange('before');
  assert.deepEqual(await gateway.named('stale:yes'), []);
  assert.deepEqual(await gateway.named('-stale:yes wan:wan1'), [`${TALKER} no`, `${OTHER} no`]);
  gateway.lab.failWan(1, 1, 'metric');
  for (const talk of talks) talk.say('lost');
  assert.deepEqual(await gateway.named('stale:route-moved'), [`${TALKER} route-moved`, `${OTHER} route-moved`]);
  assert.deepEqual((await gateway.table.breakdown(contextOf())).staleByWan, { wan1: 2 });
  const ended = await gateway.end('stale:yes');
  for (const talk of talks) await heals(talk, 'after');
  assert.deepEqual(await gateway.named('stale:yes'), []);
  assert.deepEqual(await gateway.named('-stale:yes wan:wan2'), [`${TALKER} no`, `${OTHER} no`]);
  assert.ok(talks.every(({ unheard }) => !unheard.includes('lost')));
  return { ended, healed: talks.length };
}
