// Forwards TCP connections to a unix socket, or the other way round, so that a link crosses namespaces without a route. Nagle's algorithm
// is off: a response held back for an acknowledgement would look like a slow gateway.
//   node relay.ts tcp ADDRESS PORT SOCKET     node relay.ts unix SOCKET ADDRESS PORT
import { rmSync } from 'node:fs';
import net from 'node:net';

const [, , kind, ...args] = process.argv;

function pass(listener: net.Socket, onward: net.NetConnectOpts): void {
  const far = net.connect({ ...onward, noDelay: true } as net.NetConnectOpts);
  listener.pipe(far).pipe(listener);
  listener.on('error', () => far.destroy());
  far.on('error', () => listener.destroy());
  listener.on('close', () => far.destroy());
  far.on('close', () => listener.destroy());
}

if (kind === 'tcp') {
  const [address, port, socket] = args as [string, string, string];
  net
    .createServer({ noDelay: true }, (connection) => pass(connection, { path: socket }))
    .listen(Number(port), address, () => console.log('relaying'));
} else {
  const [socket, address, port] = args as [string, string, string];
  rmSync(socket, { force: true });
  net
    .createServer({ noDelay: true }, (connection) => pass(connection, { host: address, port: Number(port) }))
    .listen(socket, () => console.log('relaying'));
}
