// Servers of the lab's internet: TCP 80 and 443 answer one request and close, TCP 7 holds and echoes, UDP 53, 443 and 9000 echo, UDP 5060
// is a SIP registrar that reports which address it saw. Every socket is bound to one address, so that answers come from the address asked.
import dgram from 'node:dgram';
import net from 'node:net';
import { SERVERS, SERVERS6 } from '../topology.ts';

const ready: Promise<unknown>[] = [];

for (const address of [...SERVERS, ...SERVERS6]) {
  for (const port of [80, 443])
    listen(
      net.createServer((socket) =>
        socket.on('error', () => undefined).once('data', () => socket.end('HTTP/1.0 200 OK\r\ncontent-length: 3\r\n\r\nok\n')),
      ),
      port,
      address,
    );
  listen(
    net.createServer((socket) => socket.on('error', () => undefined).pipe(socket)),
    7,
    address,
  );
  for (const port of [53, 443, 9000]) bind(port, address, (socket, message, from) => socket.send(message, from.port, from.address));
  bind(5060, address, (socket, message, from) =>
    socket.send(registered(message.toString(), from.address, from.port), from.port, from.address),
  );
}

function listen(server: net.Server, port: number, address: string): void {
  ready.push(new Promise((resolve) => server.listen({ port, host: address, backlog: 4096 }, () => resolve(undefined))));
}

function bind(port: number, address: string, answer: (socket: dgram.Socket, message: Buffer, from: dgram.RemoteInfo) => void): void {
  const socket = dgram.createSocket(address.includes(':') ? 'udp6' : 'udp4');
  socket.on('message', (message, from) => answer(socket, message, from));
  socket.on('error', () => undefined);
  ready.push(new Promise((resolve) => socket.bind(port, address, () => resolve(undefined))));
}

/** The 200 OK to a REGISTER. */
function registered(request: string, address: string, port: number): string {
  const header = (name: string) => new RegExp(`^${name}: (.*)$`, 'mi').exec(request)?.[1]?.trim() ?? '';
  return [
    'SIP/2.0 200 OK',
    `Via: ${header('Via')};received=${address};rport=${port}`,
    `From: ${header('From')}`,
    `To: ${header('To')};tag=lab`,
    `Call-ID: ${header('Call-ID')}`,
    `CSeq: ${header('CSeq')}`,
    `Contact: ${header('Contact')};expires=60`,
    'Content-Length: 0',
    '',
    '',
  ].join('\r\n');
}

await Promise.all(ready);
console.log('serving');
