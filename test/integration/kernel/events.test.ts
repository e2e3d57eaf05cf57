import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { EventRates } from '../../../agent/collectors/event-rates.ts';
import { TableEvents, type EventOptions } from '../../../agent/conntrack/events/table-events.ts';
import { KernelTable } from '../../../agent/conntrack/kernel/kernel-table.ts';
import { Conversation } from '../../support/conversation.ts';
import { Namespace } from '../../support/namespace.ts';
import { until } from '../../support/until.ts';

const why = Namespace.why();

describe.skipIf(why !== undefined)(`events of a real table${why ? ` (skipped: ${why})` : ''}`, () => {
  let namespace: Namespace;
  let leave: () => void;
  let table: KernelTable;
  let open: { close?(): Promise<void>; end?(): Promise<void> }[];

  beforeEach(() => {
    namespace = Namespace.createWithSink('ctg');
    leave = namespace.enter();
    table = new KernelTable();
    open = [];
  });
  afterEach(async () => {
    for (const one of open) await (one.close ?? one.end)!.call(one);
    await table.close();
    leave();
    namespace.remove();
  });

  const listen = async (options: Partial<EventOptions> = {}): Promise<TableEvents> => {
    const events = await TableEvents.open(options);
    open.push(events);
    return events;
  };
  /** Makes this many flows with real packets. */
  const flow = async (flows: number, rate = 50_000): Promise<void> => {
    const churn = new Conversation(namespace.name, 'churn.ts', [rate, flows]);
    open.push(churn);
    await churn.heard('all sent');
  };
  const rows = async (limit: number) =>
    (await table.search({ filter: { kind: 'everything' }, context: { wans: [], protections: [] }, limit })).rows;

  test('flows that begin and end are counted, and our own deletes are told apart from those of others', async () => {
    const events = await listen({ withChanges: true });
    await flow(300);
    await until('all new flows are heard', () => events.totals().born === 300 || undefined);
    const [first, ...rest] = await rows(101);
    expect((await table.delete(rest)).every((outcome) => outcome === 'deleted')).toBe(true);
    await until('our deletes are heard', () => events.totals().endedByUs === 100 || undefined);
    namespace.run('conntrack', '-D', '-p', 'udp', '--orig-port-dst', String(first!.orig.dport), '-d', first!.orig.dst);
    await until('the delete of another program is heard', () => events.totals().ended === 101 || undefined);
    const server = new Conversation(namespace.name, 'echo.ts', ['127.0.0.1', 7000]);
    open.push(server);
    await server.heard('serving');
    const client = new Conversation(namespace.name, 'talk.ts', ['tcp', '127.0.0.1', 40_000, '127.0.0.1', 7000]);
    open.push(client);
    await client.exchange('hello');
    await until(
      'the states of a connection are heard as changes',
      () => (events.totals().born === 301 && events.totals().changed >= 2) || undefined,
    );
    expect(events.totals()).toEqual({
      born: 301,
      changed: expect.any(Number),
      ended: 101,
      endedByUs: 100,
      overflows: 0,
      heals: 0,
      live: undefined,
    });
  });

  test('flows that began while nobody was listening end without an event, and the rates account for it', async () => {
    // With 2 it would depend on whether anybody on this machine is listening, in whatever namespace.
    namespace.sysctl('net.netfilter.nf_conntrack_events', 0);
    await flow(500);
    namespace.sysctl('net.netfilter.nf_conntrack_events', 2);
    const events = await listen();
    let nowMs = 0;
    const rates = new EventRates(
      () => events.totals(),
      () => nowMs,
    );
    await rates.collect({ count: BigInt((await table.counters()).count) });
    namespace.run('conntrack', '-F');
    await flow(100);
    await until('new flows are heard', () => events.totals().born === 100 || undefined);
    expect(events.totals().ended).toBe(0);
    nowMs = 10_000;
    expect(await rates.collect({ count: BigInt((await table.counters()).count) })).toEqual({
      rates: { newPerSecond: 10, endedPerSecond: 50, isLowerBound: false },
    });
  });

  test('if the kernel makes no events, listening is refused with the remedy', async () => {
    namespace.sysctl('net.netfilter.nf_conntrack_events', 0);
    await expect(TableEvents.open()).rejects.toMatchObject({
      code: 'CAPABILITY_MISSING',
      message: expect.stringContaining('nf_conntrack_events'),
    });
  });

  test('a buffer overflow is counted, and one walk makes the live set exact again', async () => {
    const events = await listen({ receiveBuffer: 4096, withLive: true });
    await until('the first walk is done', () => events.totals().live);
    await flow(20_000, 200_000);
    const { count } = await table.counters();
    expect(count).toBe(20_000);
    await until('the live set is the table', () => events.totals().live === count || undefined);
    const { overflows, heals, born } = events.totals();
    expect(overflows).toBeGreaterThan(0);
    expect(heals).toBeGreaterThan(1);
    expect(born).toBeLessThan(20_000);
    await table.delete(await rows(50));
    await until('the live set follows', () => events.totals().live === count - 50 || undefined);
  });

  test('the live set stays exact while flows come and go', async () => {
    const events = await listen({ withLive: true });
    const churn = new Conversation(namespace.name, 'churn.ts', [5000, 15_000]);
    open.push(churn);
    await churn.heard('flowing');
    for (let round = 0; round < 10; round++) await table.delete(await rows(300));
    await churn.heard('all sent');
    const { count } = await table.counters();
    await until('the live set is the table', () => events.totals().live === count || undefined);
    expect(count).toBeLessThan(15_000);
    expect(events.totals()).toMatchObject({ born: 15_000, overflows: 0 });
    expect(events.totals().endedByUs).toBe(15_000 - count);
  });

  test('closing ends the thread, even in the middle of a flood', async () => {
    const events = await TableEvents.open({ withLive: true });
    const churn = new Conversation(namespace.name, 'churn.ts', [20_000]);
    open.push(churn);
    await churn.heard('flowing');
    await events.close();
    const { born } = events.totals();
    await table.counters();
    expect(events.totals().born).toBe(born);
  });
});
