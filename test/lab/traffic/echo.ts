// Sends back what it gets over TCP, and what its own input says to every connection: node echo.ts ADDRESS PORT
import net from 'node:net';

const [, , address, port] = process.argv;
const open = new Set<net.Socket>();
net.createServer((socket) => {
  open.add(socket);
  socket.on('error', (error: NodeJS.ErrnoException) => console.log(error.code)).on('close', () => open.delete(socket)).pipe(socket);
}).listen(Number(port), address, () => console.log('serving'));
process.stdin.on('data', (text) => open.forEach((socket) => socket.write(text))).once('end', () => process.exit(0));
