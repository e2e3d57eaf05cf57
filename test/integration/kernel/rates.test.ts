import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { KernelTable } from '../../../agent/conntrack/kernel/kernel-table.ts';
import type { Flow } from '../../../proto/model/flow.ts';
import { CONTEXT } from '../../contract/conntrack-table.ts';
import { createEntries } from '../../support/create-entries.ts';
import { Namespace } from '../../support/namespace.ts';
import { SAMPLE_ENTRIES } from '../../support/sample-entries.ts';
import { until } from '../../support/until.ts';
import { filterOf } from '../../support/filter-of.ts';

const why = Namespace.why();

describe.skipIf(why !== undefined)(`rates in a kernel's table${why ? ` (skipped: ${why})` : ''}`, () => {
  let namespace: Namespace;
  let leave: () => void;
  let table: KernelTable;

  beforeAll(() => {
    namespace = Namespace.create('cte');
    leave = namespace.enter();
    table = new KernelTable();
    createEntries(SAMPLE_ENTRIES);
  });
  afterAll(async () => {
    await table.close();
    leave();
    namespace.remove();
  });

  test('a flow that carries packets is found by its rate, and idle ones by theirs', async () => {
    const [server, client] = [createSocket('udp4'), createSocket('udp4')];
    server.bind(7777, '127.0.0.1');
    await once(server, 'listening');
    const send = (): void => client.send(Buffer.alloc(1000), 7777, '127.0.0.1');
    send();
    const sending = setInterval(send, 20);
    try {
      const busy = await find('rate>10k');
      expect(busy.map((flow) => flow.orig.dport)).toEqual([7777]);
      expect(busy[0]!.rateBitsPerSecond).toBeGreaterThan(10_000);
      expect(busy[0]!.rateBitsPerSecond).toBeLessThan(2_000_000);
      expect((await find('rate<1')).length).toBe(SAMPLE_ENTRIES.length);
      expect(await find('not rate>0 dport:7777')).toEqual([]);
    } finally {
      clearInterval(sending);
      server.close();
      client.close();
    }
  });

  test('a plan’s flows have rates if the table was looked at recently, however the filter is evaluated', async () => {
    const [server, client] = [createSocket('udp4'), createSocket('udp4')];
    server.bind(7778, '127.0.0.1');
    await once(server, 'listening');
    const send = (): void => client.send(Buffer.alloc(1000), 7778, '127.0.0.1');
    send();
    try {
      for (const filter of ['proto:udp dport:7778', 'dport>7777 dport<7779']) {
        await table.breakdown(CONTEXT);
        const lookedAt = performance.now();
        expect((await collect(filter)).map(({ rateBitsPerSecond }) => rateBitsPerSecond)).toEqual([undefined]); // too close to that look
        send();
        await until('the last look is a second old', () => performance.now() - lookedAt > 1_100 || undefined);
        const [flow] = await collect(filter);
        expect(flow!.rateBitsPerSecond).toBeGreaterThan(100);
      }
    } finally {
      server.close();
      client.close();
    }
  });

  async function collect(text: string): Promise<Flow[]> {
    const flows: Flow[] = [];
    for await (const batch of table.collect({ filter: filterOf(text), context: CONTEXT })) flows.push(...batch);
    return flows;
  }

  async function find(text: string): Promise<Flow[]> {
    return (await table.search({ filter: filterOf(text), context: CONTEXT, limit: 100 })).rows;
  }
});
