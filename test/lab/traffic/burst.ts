// Makes COUNT UDP flows at once, each from its own local port, prints "sent" and exits at the end of its input.
//   node burst.ts LOCAL-ADDRESS SERVER PORT COUNT
import dgram from 'node:dgram';

const [, , local, server, port, count] = process.argv as unknown as [string, string, string, string, string, string];
const sockets = Array.from({ length: Number(count) }, () => dgram.createSocket(local.includes(':') ? 'udp6' : 'udp4'));
await Promise.all(
  sockets.map(
    (socket) =>
      new Promise<void>((resolve, reject) => {
        socket.once('error', reject);
        socket.bind(0, local, () => socket.send('burst', Number(port), server, () => resolve()));
      }),
  ),
);
console.log('sent');
process.stdin.resume().once('end', () => process.exit(0));
