// Echoes what it receives over TCP, and sends its own input to every connection: node echo.ts ADDRESS PORT
// Over UDP it only echoes: node echo.ts ADDRESS PORT udp
import dgram from 'node:dgram';
import net from 'node:net';

const [, , address, port, kind = 'tcp'] = process.argv;
const open = new Set<net.Socket>();
if (kind === 'udp') {
  const socket = dgram.createSocket('udp4');
  socket.on('message', (message, from) => socket.send(message, from.port, from.address)).on('error', () => undefined);
  socket.bind(Number(port), address, () => console.log('serving'));
} else {
  net
    .createServer((socket) => {
      open.add(socket);
      socket
        .on('error', (error: NodeJS.ErrnoException) => console.log(error.code))
        .on('close', () => open.delete(socket))
        .pipe(socket);
    })
    .listen(Number(port), address, () => console.log('serving'));
}
process.stdin.on('data', (text) => open.forEach((socket) => socket.write(text))).once('end', () => process.exit(0));
