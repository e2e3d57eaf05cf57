import assert from 'node:assert/strict';
import { systemClock } from '../../agent/time/clock.ts';
import type { FlowContext } from '../../agent/conntrack/table.ts';
import { endBy } from '../../agent/operations/end-flows.ts';
import { listOf } from '../../agent/operations/flow-list.ts';
import { Refusals } from '../../agent/firewall/tables/refusals.ts';
import { runPlan } from '../../agent/operations/run-plan.ts';
import { Method, Outcome } from '../../proto/gen/ctfleet/v1/operation.ts';
import { runIn } from '../lab/namespace.ts';
import { clientAddress, clientAddress6, SERVERS, SERVERS6 } from '../lab/topology.ts';
import { Blocking } from '../support/blocking.ts';
import { Conversation } from '../support/conversation.ts';
import { StrictGateway } from '../support/strict-gateway.ts';
import { until } from '../support/until.ts';
import { sharing, type CheckGroup, type Seen } from './check.ts';

/** Longer than usual: on a slow machine ten seconds may pass before anything is sent. */
const RESET_SECONDS = 60;
const [server, server6] = [SERVERS[0]!, SERVERS6[0]!];
/** At least one for each kind of rule that a block may consist of. */
const FILTERS = [
  'host:10.1.0.40',
  'host:fd00:1:1::40',
  'src:10.1.0.0/29',
  'dst:198.51.100.10',
  'rdst:198.18.0.12',
  'nat:198.18.0.12',
  'ip:10.1.0.40,10.1.0.41',
  'src:10.1.0.40 -dport:80',
  'src:10.1.0.40 dport:80,443,8000-8100',
  'src:10.1.0.40 dst:198.51.100.10 proto:tcp dport:443',
  'src:10.1.0.40:1024-2000',
  'src:10.1.0.40 proto:icmp icmp-type:8',
  'src:10.1.0.40 proto:gre key:77',
  'src:10.1.0.40 family:ipv4',
  'src:10.1.0.40 -proto:tcp',
  'dport:5060 proto:udp',
];

export const blockChecks: CheckGroup = sharing(
  () => StrictGateway.start('ctk-block'),
  (gateway) => gateway.end(),
  {
    'block: every kind of block reported as working can be made': makeAll,
    'block: a blocked host is refused, and others are not': (gateway) =>
      blockHost(gateway, clientAddress(1, 40), server, clientAddress(1, 41)),
    'block: a blocked IPv6 host is refused, and others are not': (gateway) =>
      blockHost(gateway, clientAddress6(1, 40), server6, clientAddress6(1, 41)),
    'reset: both ends of a connection are told': (gateway) => resetOne(gateway, clientAddress(1, 42), server),
    'reset: both ends of an IPv6 connection are told': (gateway) => resetOne(gateway, clientAddress6(1, 42), server6),
  },
);

/** If the agent says why nothing can be blocked, that is the answer, and nothing is tried. */
async function makeAll(gateway: StrictGateway): Promise<Seen> {
  const blocking = new Blocking(gateway.table);
  try {
    const whyNot = await blocking.blocks.whyNot();
    if (whyNot !== undefined) return { whyNot };
    const failed: string[] = [];
    for (const filter of FILTERS) {
      try {
        const { id } = await blocking.block(filter, []);
        if ((await blocking.blocks.verify(id)) === undefined) failed.push(`${filter}: it is not in place`);
        await blocking.blocks.lift([id]);
      } catch (error) {
        failed.push(`${filter}: ${(error as Error).message}`);
      }
    }
    assert.deepEqual(failed, []);
    return { blocks: FILTERS.length };
  } finally {
    await blocking.end();
  }
}

async function blockHost(gateway: StrictGateway, attacker: string, to: string, bystander: string): Promise<Seen> {
  const blocking = new Blocking(gateway.table);
  try {
    const whyNot = await blocking.blocks.whyNot();
    if (whyNot !== undefined) return { whyNot };
    const [open, beside] = [
      await gateway.converse('lan', 'open', 'talk.ts', 'tcp', attacker, 42_001, to, 7),
      await gateway.converse('lan', 'open', 'talk.ts', 'tcp', bystander, 42_002, to, 7),
    ];
    for (const talk of [open, beside]) await talk.exchange('before');
    const { id, outcomes } = await blocking.block(`host:${attacker}`, await gateway.flows(`host:${attacker}`));
    assert.deepEqual(outcomes, [Outcome.OUTCOME_BLOCKED]);
    open.say('again');
    await open.heard('ECONNRESET');
    const again = new Conversation(gateway.lab.names.lan(1), 'talk.ts', ['tcp', attacker, 42_003, to, 7]);
    await again.heard('ECONNREFUSED');
    await again.end();
    await beside.exchange('still here');
    const refused = await blocking.refused(id);
    assert.ok(refused >= 2, `${refused} packets were counted`);
    await blocking.blocks.lift([id]);
    await (await gateway.converse('lan', 'open', 'talk.ts', 'tcp', attacker, 42_004, to, 7)).exchange('lifted');
    return { refused };
  } finally {
    await blocking.end();
  }
}

async function resetOne(gateway: StrictGateway, client: string, to: string): Promise<Seen> {
  const refusals = new Refusals(systemClock);
  try {
    const whyNot = await refusals.whyNot();
    if (whyNot !== undefined) return { whyNot };
    const listener = await gateway.converse('inet', 'serving', 'echo.ts', to, 7777);
    const doomed = await gateway.converse('lan', 'open', 'talk.ts', 'tcp', client, 40_001, to, 7777);
    const bystander = await gateway.converse('lan', 'open', 'talk.ts', 'tcp', client, 40_002, to, 7);
    for (const talk of [doomed, bystander]) await talk.exchange('before');
    const context = (): FlowContext => ({ wans: [], protections: [] });
    const isStopped = (): boolean => false;
    const end = await endBy(Method.METHOD_RESET, RESET_SECONDS, { table: gateway.table, refusals, clock: systemClock, context, isStopped });
    const flows = listOf([await gateway.flow(`src:${client} dport:7777`)]);
    const resetting = runPlan(gateway.table, systemClock, {
      flows,
      end,
      inBatches: false,
      context,
      isStopped,
      verifyAfterMs: 0,
      isRepeated: false,
      onProgress: () => undefined,
    });
    // The flow of the check before may be refused still.
    await until(
      'the flow is refused',
      () => runIn(gateway.name, 'nft', ['list', 'table', 'inet', 'ctfleet_ending']).includes(` ${client} . `) || undefined,
    );
    doomed.say('is anybody there');
    await doomed.heard('ECONNRESET');
    listener.say('hello');
    await listener.heard('ECONNRESET');
    // 5.10 does not close the entry of a connection that it resets for us; it is deleted when its time is up.
    const [outcome] = await resetting;
    assert.ok(outcome === Outcome.OUTCOME_RESET || outcome === Outcome.OUTCOME_DELETED, `the outcome is ${outcome}`);
    assert.deepEqual(await gateway.flows(`src:${client} dport:7777 -state:close`), []);
    await bystander.exchange('still here');
    return { outcome: outcome === Outcome.OUTCOME_RESET ? 'reset' : 'deleted' };
  } finally {
    await refusals.close();
  }
}
