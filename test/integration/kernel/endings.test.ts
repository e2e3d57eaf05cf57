import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { systemClock } from '../../../agent/time/clock.ts';
import type { FlowContext } from '../../../agent/conntrack/table.ts';
import { endBy } from '../../../agent/operations/end-flows.ts';
import { listOf } from '../../../agent/operations/flow-list.ts';
import { emptyTable } from '../../../agent/firewall/tables/refusal-rules.ts';
import { Refusals } from '../../../agent/firewall/tables/refusals.ts';
import { runPlan } from '../../../agent/operations/run-plan.ts';
import { Method, Outcome } from '../../../proto/gen/ctfleet/v1/operation.ts';
import { parsePrefix } from '../../../proto/model/address.ts';
import type { Flow } from '../../../proto/model/flow.ts';
import { runIn } from '../../lab/namespace.ts';
import { clientAddress, clientAddress6, SERVERS, SERVERS6 } from '../../lab/topology.ts';
import { Blocking } from '../../support/blocking.ts';
import type { Conversation } from '../../support/conversation.ts';
import { Namespace } from '../../support/namespace.ts';
import { StrictGateway } from '../../support/strict-gateway.ts';
import { until } from '../../support/until.ts';

const [server] = SERVERS as [string];
const [server6] = SERVERS6 as [string];
const why = Namespace.why();

describe.skipIf(why !== undefined)(`ways to end a flow${why ? ` (skipped: ${why})` : ''}`, () => {
  let gateway: StrictGateway;
  let refusals: Refusals;
  let port = 40_000;
  const talk = (kind: 'tcp' | 'udp', client: string, to: string, toPort: number): Promise<Conversation> =>
    gateway.converse('lan', 'open', 'talk.ts', kind, client, ++port, to, toPort);
  const tables = (): string => runIn(gateway.name, 'nft', ['list', 'tables']);

  beforeAll(async () => {
    gateway = await StrictGateway.start('ctg-ending');
  });
  afterAll(() => gateway.end());
  /** Runs a plan of these flows as a command does. */
  const end = async (
    method: Method,
    flows: Flow[],
    forSeconds: number,
    protections: FlowContext['protections'] = [],
    isStopped = () => false,
  ): Promise<Outcome[]> => {
    const context = (): FlowContext => ({ wans: [], protections });
    const hands = { table: gateway.table, refusals, clock: systemClock, context, isStopped };
    return runPlan(gateway.table, systemClock, {
      flows: listOf(flows),
      end: await endBy(method, forSeconds, hands),
      inBatches: false,
      context,
      isStopped,
      verifyAfterMs: 0,
      isRepeated: false,
      onProgress: () => undefined,
    });
  };
  beforeEach(() => {
    refusals = new Refusals(systemClock);
  });
  afterEach(async () => {
    await refusals.close();
    if (tables().includes('ctfleet_ending')) runIn(gateway.name, 'nft', ['delete', 'table', 'inet', 'ctfleet_ending']);
  });

  test.each([
    ['IPv4', clientAddress(1, 1), server],
    ['IPv6', clientAddress6(1, 1), server6],
  ])('%s: a reset tells both programs, and nobody else', async (_, client, to) => {
    const listener = await gateway.converse('inet', 'serving', 'echo.ts', to, 7777);
    const doomed = await talk('tcp', client, to, 7777);
    await doomed.exchange('one');
    const bystander = await talk('tcp', client, to, 7);
    await bystander.exchange('two');
    const resetting = end(Method.METHOD_RESET, [await gateway.flow(`src:${client} dport:7777`)], 10);
    await until(
      'the flow is refused',
      () => runIn(gateway.name, 'nft', ['list', 'table', 'inet', 'ctfleet_ending']).includes(' expires ') || undefined,
    );
    doomed.say('is anybody there');
    await doomed.heard('ECONNRESET');
    listener.say('hello');
    await listener.heard('ECONNRESET');
    expect(await resetting).toEqual([Outcome.OUTCOME_RESET]);
    await bystander.exchange('still here');
    await listener.end();
  });

  test('a silent connection is deleted when its time is up, and one that is gone or protected is left alone', async () => {
    const silent = await talk('tcp', clientAddress(1, 2), server, 7);
    const held = await talk('tcp', clientAddress(1, 3), server, 7);
    const flows = [await gateway.flow(`src:${clientAddress(1, 2)}`), await gateway.flow(`src:${clientAddress(1, 3)}`)];
    const protection = {
      reason: 'trunk',
      filter: { kind: 'term', field: 'src', match: { kind: 'prefix', prefix: parsePrefix(clientAddress(1, 3))! } },
    } as const;
    expect(await end(Method.METHOD_RESET, [flows[0]!, flows[1]!, { ...flows[0]!, id: 1 }], 1, [protection])).toEqual([
      Outcome.OUTCOME_DELETED,
      Outcome.OUTCOME_PROTECTED,
      Outcome.OUTCOME_GONE,
    ]);
    await held.exchange('not me');
    expect(await gateway.flows(`src:${clientAddress(1, 2)}`)).toEqual([]);
    await silent.end();
  });

  test('a reset that is stopped leaves the connection as it was, long before its deadline', async () => {
    const spared = await talk('tcp', clientAddress(1, 7), server, 7);
    await spared.exchange('one');
    let isStopped = false;
    const resetting = end(Method.METHOD_RESET, [await gateway.flow(`src:${clientAddress(1, 7)}`)], 60, [], () => isStopped);
    await until(
      'the flow is refused',
      () => runIn(gateway.name, 'nft', ['list', 'table', 'inet', 'ctfleet_ending']).includes(' expires ') || undefined,
    );
    const stoppedAt = performance.now();
    isStopped = true;
    expect(await resetting).toEqual([Outcome.OUTCOME_CANCELLED]);
    expect(performance.now() - stoppedAt).toBeLessThan(30_000);
    await spared.exchange('still here');
  });

  test('an empty leftover table is removed, and one that a firewall removed is re-created', async () => {
    runIn(gateway.name, 'nft', ['-f', '-'], emptyTable());
    await refusals.adopt();
    await until('the empty table is gone', () => !tables().includes('ctfleet_ending') || undefined);
    const doomed = await talk('tcp', clientAddress(1, 10), server, 7);
    await doomed.exchange('one');
    const flow = await gateway.flow(`src:${clientAddress(1, 10)}`);
    await refusals.add([flow], 30);
    runIn(gateway.name, 'nft', ['delete', 'table', 'inet', 'ctfleet_ending']);
    await refusals.add([flow], 30);
    doomed.say('again');
    await doomed.heard('ECONNRESET');
  });

  test('a table created by another version keeps refusing what it did, in our current form', async () => {
    const doomed = await talk('tcp', clientAddress(1, 11), server, 7);
    await doomed.exchange('one');
    await refusals.add(await gateway.flows(`src:${clientAddress(1, 11)}`), 60);
    await refusals.close();
    runIn(
      gateway.name,
      'nft',
      ['-f', '-'],
      'delete chain inet ctfleet_ending ending_forward\nadd set inet ctfleet_ending strange { type ipv4_addr; flags timeout; }\nadd element inet ctfleet_ending strange { 192.0.2.1 timeout 60s }\n',
    );
    refusals = new Refusals(systemClock);
    await refusals.adopt();
    doomed.say('again');
    await doomed.heard('ECONNRESET');
    expect(runIn(gateway.name, 'nft', ['list', 'table', 'inet', 'ctfleet_ending'])).not.toContain('strange');
  });

  test('a missing nft is noticed before a flow is touched, and probing for it creates and removes nothing', async () => {
    const [spared, doomed] = [await talk('tcp', clientAddress(1, 14), server, 7), await talk('udp', clientAddress(1, 15), server, 9000)];
    await spared.exchange('one');
    await doomed.exchange('two');
    const flow = await gateway.flow(`src:${clientAddress(1, 14)}`);
    const blocking = new Blocking(gateway.table);
    const path = process.env.PATH;
    process.env.PATH = '/nowhere';
    try {
      for (const hand of [refusals, blocking.blocks]) expect(await hand.whyNot()).toContain('nft is not there. Install nftables');
      await expect(end(Method.METHOD_RESET, [flow], 10)).rejects.toMatchObject({ code: 'CAPABILITY_MISSING' });
      await expect(blocking.block(`host:${clientAddress(1, 14)}`, [flow])).rejects.toMatchObject({ code: 'CAPABILITY_MISSING' });
    } finally {
      process.env.PATH = path;
    }
    await spared.exchange('still here');
    for (const hand of [refusals, blocking.blocks]) expect(await hand.whyNot()).toBeUndefined();
    expect(tables()).not.toContain('ctfleet');
    await blocking.block(`host:${clientAddress(1, 15)}`, []);
    expect(await blocking.blocks.whyNot()).toBeUndefined();
    doomed.say('again');
    await doomed.heard('EHOSTUNREACH');
    await blocking.end();
  });

  test('a flow under `expire` ends at its time in spite of traffic', async () => {
    const doomed = await talk('udp', clientAddress(1, 6), server, 9000);
    await doomed.exchange('one');
    const flow = await gateway.flow(`src:${clientAddress(1, 6)}`);
    expect(await end(Method.METHOD_EXPIRE, [flow], 3)).toEqual([Outcome.OUTCOME_EXPIRING]);
    let said = 0;
    await until('the entry is another one', async () => {
      // Not waited for: a reply to a message that was in flight at the end finds no entry.
      doomed.say(`word ${said++}`);
      const [now] = await gateway.table.lookup([flow], { wans: [], protections: [] });
      return (now !== undefined && now.startedAtMs !== flow.startedAtMs) || undefined;
    });
    expect(said).toBeGreaterThan(10);
    expect((await gateway.flow(`src:${clientAddress(1, 6)}`)).status & (1 << 10)).toBe(0);
  });
});
