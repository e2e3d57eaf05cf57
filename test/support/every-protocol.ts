import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { connect, createServer, type Socket } from 'node:net';
import { echoRequest, espPacket, grePacket, sendRaw } from '../lab/traffic/raw.ts';
import { entryOf, SAMPLE_ENTRIES } from './sample-entries.ts';

/** Translation and zones for the traffic that the test itself sends. */
export const TRANSLATING_RULES = `
table ip translating {
  chain outgoing_raw {
    type filter hook output priority raw
    udp dport 7009 ct zone set 9
    udp dport 7011 ct original zone set 11
  }
  chain leaving {
    type nat hook postrouting priority srcnat
    ip daddr 127.0.0.20 udp dport 5062 snat to 127.0.0.77
  }
  chain sending {
    type nat hook output priority -100
    ip daddr 127.0.0.30 tcp dport 8080 dnat to 127.0.0.1
  }
}
`;

/** Entries in addition to the common ones that only a kernel can have. */
export const MORE_ENTRIES = [
  entryOf({
    proto: 17,
    orig: { src: '10.1.0.4', dst: '198.51.100.20', sport: 12_000, dport: 12_001 },
    master: { ...SAMPLE_ENTRIES[5]!, id: 0 },
  }),
  entryOf({
    proto: 6,
    orig: { src: '10.1.0.44', dst: '198.51.100.21', sport: 9000, dport: 21 },
    state: 'ESTABLISHED',
    helper: 'ftp',
    timeoutSeconds: 400_000,
  }),
  entryOf({ proto: 17, orig: { src: '10.1.0.45', dst: '198.51.100.20', sport: 1, dport: 2, zone: 5 } }),
  entryOf({ proto: 17, orig: { src: '10.1.0.46', dst: '198.51.100.20', sport: 1, dport: 2 }, reply: { zone: 6 } }),
  entryOf({ proto: 136, orig: { src: '10.1.0.47', dst: '198.51.100.20', sport: 1, dport: 2 } }),
  entryOf({ proto: 89, orig: { src: '10.1.0.48', dst: '224.0.0.5' }, timeoutSeconds: 500 }),
];

/** Real packets on loopback: TCP, UDP, ICMP, GRE 0 and 1, ESP, UDP over IPv6, translated and zoned. */
export async function sendTraffic(open: { close(): unknown }[]): Promise<void> {
  const server = createServer((socket) => {
    socket.resume();
    open.push({ close: () => socket.destroy() });
  }).listen(8080, '127.0.0.1');
  await once(server, 'listening');
  open.push(server);
  for (const host of ['127.0.0.1', '127.0.0.30']) {
    const client: Socket = connect(8080, host);
    await once(client, 'connect');
    open.push({ close: () => client.destroy() });
  }
  const v4 = createSocket('udp4');
  const v6 = createSocket('udp6');
  open.push(v4, v6);
  const send = (socket: typeof v4, port: number, host: string): Promise<void> =>
    new Promise((resolve) => socket.send('x', port, host, () => resolve()));
  await send(v4, 5062, '127.0.0.20');
  await send(v4, 7009, '127.0.0.21');
  await send(v4, 7011, '127.0.0.22');
  await send(v6, 9999, '::1');
  sendRaw(1, '127.0.0.1', '127.0.0.2', echoRequest(7, 1));
  sendRaw(1, '127.0.0.1', '127.0.0.2', echoRequest(8, 1));
  sendRaw(47, '127.0.0.1', '127.0.0.2', grePacket());
  sendRaw(47, '127.0.0.1', '127.0.0.3', grePacket(77));
  sendRaw(50, '127.0.0.1', '127.0.0.2', espPacket(5));
}
