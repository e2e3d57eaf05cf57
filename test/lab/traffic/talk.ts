// Sends each line of its input to an echo server over one socket, and prints each line that comes back.
//   node talk.ts tcp|udp LOCAL-ADDRESS LOCAL-PORT SERVER PORT
// Prints "open" when it is ready, "closed" when the server ends a connection, and the name of an error, such as ECONNRESET.
import dgram from 'node:dgram';
import net from 'node:net';
import { createInterface } from 'node:readline';

const [, , kind, local, localPort, server, port] = process.argv as unknown as [
  string,
  string,
  'tcp' | 'udp',
  string,
  string,
  string,
  string,
];
const said = createInterface({ input: process.stdin });
said.once('close', () => process.exit(0));

if (kind === 'tcp') {
  const socket = net.connect({ host: server, port: Number(port), localAddress: local, localPort: Number(localPort) }, () =>
    console.log('open'),
  );
  socket.setNoDelay(true);
  createInterface({ input: socket })
    .on('line', print)
    .on('error', () => undefined);
  socket.on('error', (error: NodeJS.ErrnoException) => console.log(error.code));
  socket.on('end', () => console.log('closed'));
  said.on('line', (line) => socket.write(`${line}\n`));
} else {
  const socket = dgram.createSocket('udp4');
  socket.on('message', (message) => print(message.toString().trimEnd()));
  socket.on('error', (error: NodeJS.ErrnoException) => console.log(error.code));
  // A connected socket gets ICMP refusals as errors, as DNS clients and VPNs do.
  socket.bind(Number(localPort), local, () => socket.connect(Number(port), server, () => console.log('open')));
  said.on('line', (line) => socket.send(`${line}\n`, (error) => error && console.log((error as NodeJS.ErrnoException).code)));
}

function print(line: string): void {
  console.log(line);
}
