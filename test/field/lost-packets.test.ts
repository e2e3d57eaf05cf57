import { createSocket, type Socket } from 'node:dgram';
import { once } from 'node:events';
import { describe, expect, test } from 'vitest';
import { KernelTable } from '../../agent/conntrack/kernel/kernel-table.ts';
import { lostBetween } from '../../controller/history/sample-row.ts';
import { totalsOf } from '../../proto/model/measures.ts';
import { Namespace } from '../support/namespace.ts';
import { until } from '../support/until.ts';

const why = Namespace.why();
const CLIENTS = 15;
/** All clients leave through one port, so that only the first to send can be told from the others. */
const ONE_PORT = `
table ip narrow {
  chain leaving {
    type nat hook postrouting priority srcnat
    ip daddr 127.0.0.20 udp dport 5062 snat to 127.0.0.77:4000
  }
}
`;

describe.skipIf(why !== undefined)(`packets lost for want of an entry${why ? ` (skipped: ${why})` : ''}`, () => {
  test('a packet lost on a port clash counts once, and not once for each counter that shows it', async () => {
    const namespace = Namespace.create('ctg-lost');
    const leave = namespace.enter();
    const table = new KernelTable();
    const sockets: Socket[] = [];
    const bound = async (port: number, address: string): Promise<Socket> => {
      const socket = createSocket('udp4').bind(port, address);
      sockets.push(socket);
      await once(socket, 'listening');
      return socket;
    };
    try {
      namespace.nft(ONE_PORT);
      const server = await bound(5062, '127.0.0.20');
      let received = 0;
      server.on('message', () => {
        received++;
      });
      const clients: Socket[] = [];
      for (let n = 1; n <= CLIENTS; n++) clients.push(await bound(6000 + n, '127.0.0.1'));
      const before = (await table.counters()).cpus;
      clients[0]!.send('hello', 5062, '127.0.0.20');
      await until('the first has arrived', () => received === 1 || undefined);
      // When the kernel drops a packet, sending may fail with "not permitted".
      for (const client of clients.slice(1))
        await new Promise<void>((resolve) => {
          client.send('hello', 5062, '127.0.0.20', () => resolve());
        });
      const after = (await table.counters()).cpus;
      const rise = (counter: 'drop' | 'insertFailed'): number =>
        after.reduce((sum, cpu) => sum + cpu[counter]!, 0) - before.reduce((sum, cpu) => sum + cpu[counter]!, 0);
      expect(received).toBe(1);
      expect([rise('drop'), rise('insertFailed')]).toEqual([CLIENTS - 1, CLIENTS - 1]);
      expect(lostBetween(totalsOf(before), totalsOf(after))).toBe(CLIENTS - 1);
    } finally {
      for (const socket of sockets) socket.close();
      await table.close();
      leave();
      namespace.remove();
    }
  });
});
