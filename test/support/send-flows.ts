import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { inside } from './namespace.ts';
import { until } from './until.ts';

const FIRST_PORT = 20_000;
const PORTS_OF_A_HOST = 40_000;
/** Few enough that no queue on the path overflows. */
const AT_ONCE = 250;

/** Which flows: each a datagram to a different port, with no reply. `has`: how many entries the gateway holds. */
export interface ManyFlows {
  count: number;
  from: (host: number) => string;
  to: string;
  has: () => number;
}

/**
 * Makes UDP flows with real packets from inside a namespace, and waits until the gateway holds them. What was lost on the way is sent
 * again.
 */
export async function sendFlows(namespace: string, { count, from, to, has }: ManyFlows): Promise<void> {
  if (count === 0) return;
  const before = has();
  const hosts = Math.ceil(count / PORTS_OF_A_HOST);
  const sockets = await inside(namespace, async () =>
    Promise.all(
      Array.from({ length: hosts }, async (_, host) => {
        const address = from(host);
        const socket = createSocket(address.includes(':') ? 'udp6' : 'udp4').bind(FIRST_PORT, address);
        await once(socket, 'listening');
        return socket;
      }),
    ),
  );
  const send = (flow: number): Promise<void> =>
    new Promise((resolve) => {
      sockets[Math.floor(flow / PORTS_OF_A_HOST)]!.send('one of many', FIRST_PORT + (flow % PORTS_OF_A_HOST), to, () => resolve());
    });
  try {
    await until(
      `${count} flows are there`,
      async () => {
        for (let first = 0; first < count; first += AT_ONCE)
          await Promise.all(Array.from({ length: Math.min(AT_ONCE, count - first) }, (_, index) => send(first + index)));
        return has() >= before + count || undefined;
      },
      120_000,
    );
  } finally {
    for (const socket of sockets) socket.close();
  }
}
