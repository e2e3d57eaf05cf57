// Keeps a realistic mix of flows going through one gateway: phones, browsing, long sessions, DNS, pings, tunnels, a scan, IPv6.
//   node mix.ts GATEWAY [SCALE]      SCALE 1 is about 1,000 entries
import dgram from 'node:dgram';
import net from 'node:net';
import { BLACK_HOLE, clientAddress, clientAddress6, SERVERS, SERVERS6 } from '../topology.ts';
import { echoRequest, espPacket, grePacket, sendRaw } from './raw.ts';

const gateway = Number(process.argv[2]);
const scale = Number(process.argv[3] ?? 1);
const pick = <T>(list: readonly T[], index: number): T => list[index % list.length]!;

/** The port-forwarded server in this LAN. */
net
  .createServer((socket) => socket.on('error', () => undefined).pipe(socket))
  .on('error', () => undefined)
  .listen(443, clientAddress(gateway, 0));

// Phones register every few seconds and so stay assured.
const phones = Array.from({ length: Math.ceil(40 * scale) }, (_, index) => udp(clientAddress(gateway, 10 + index), 5060));
every(4000, () =>
  phones.forEach((phone, index) =>
    phone.send(
      `REGISTER sip:pbx.example SIP/2.0\r\nVia: SIP/2.0/UDP phone${index};branch=z9hG4bK1;rport\r\nCSeq: 1 REGISTER\r\n\r\n`,
      5060,
      pick(SERVERS, index),
      () => undefined,
    ),
  ),
);

// Sessions that stay open and send something now and then.
const held: net.Socket[] = [];
every(150, () => {
  if (held.length < 150 * scale) held.push(tcp(pick(SERVERS, held.length), 7, clientAddress(gateway, 100 + held.length)));
  const one = held[Math.floor(performance.now() / 150) % held.length];
  if (one?.readyState === 'open') one.write('still here\n');
});
every(1000, () => {
  if (held.length < 160 * scale) held.push(tcp(pick(SERVERS6, held.length), 7, clientAddress6(gateway, held.length)));
});

// Browsing: connections that end and wait.
let page = 0;
every(250 / scale, () => {
  page++;
  const ipv6 = page % 10 === 0;
  const socket = tcp(
    pick(ipv6 ? SERVERS6 : SERVERS, page),
    page % 4 === 0 ? 80 : 443,
    ipv6 ? clientAddress6(gateway, 300 + (page % 50)) : clientAddress(gateway, 300 + (page % 120)),
  );
  socket.once('connect', () => socket.end('GET / HTTP/1.0\r\n\r\n'));
});

// DNS, pings, and one host that scans a black hole.
let question = 0;
every(200 / scale, () => {
  question++;
  const client = udp(clientAddress(gateway, 500 + (question % 60)), 0);
  client.send('which address has example.net', 53, pick(SERVERS, question), () => setTimeout(() => client.close(), 500));
  if (question % 3 === 0)
    sendRaw(1, clientAddress(gateway, 600 + (question % 20)), pick(SERVERS, question), echoRequest(question & 0xffff, 1));
  if (question % 2 === 0) {
    const scanner = udp(clientAddress(gateway, 777), 0);
    scanner.send('knock', 1024 + (question % 60_000), BLACK_HOLE, () => scanner.close());
  }
});

// Tunnels.
every(10_000, () => {
  for (let index = 0; index < 3; index++) {
    sendRaw(47, clientAddress(gateway, 800 + index), pick(SERVERS, index), grePacket());
    sendRaw(50, clientAddress(gateway, 810 + index), pick(SERVERS, index), espPacket(4096 + index));
  }
});

console.log('mixing');

function udp(from: string, port: number): dgram.Socket {
  const socket = dgram.createSocket('udp4');
  socket.on('error', () => undefined);
  socket.bind(port, from);
  return socket;
}

function tcp(to: string, port: number, from: string): net.Socket {
  const socket = net.connect({ host: to, port, localAddress: from });
  socket.on('error', () => undefined);
  socket.on('data', () => undefined);
  return socket;
}

function every(ms: number, work: () => void): void {
  work();
  setInterval(work, ms);
}
