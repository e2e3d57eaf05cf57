// Sends UDP packets as fast as one thread can and prints { sent, seconds, cpuSeconds } as JSON.
//   node datagrams.ts SECONDS TARGET PORT[,PORT…] SOURCE[,SOURCE…]     One flow for each pair of port and source, in turn.
// Each flow is answered once first, by an echo server, so that it is established. Packets go through all namespaces on the way before the
// next one is sent: what the rules there cost makes them fewer.
import koffi from 'koffi';

const AF_INET = 2;
const SOCK_DGRAM = 2;
/** So many between two looks at the clock. */
const BATCH = 512;
const libc = koffi.load(null);
const socket = libc.func('int socket(int, int, int)');
const bind = libc.func('int bind(int, const void*, int)');
const connect = libc.func('int connect(int, const void*, int)');
const send = libc.func('long send(int, const void*, size_t, int)');

const recv = libc.func('long recv(int, void*, size_t, int)');

const [, , seconds = '1', target = '', ports = '', sources = ''] = process.argv;
const payload = Buffer.alloc(160);
const flows = ports.split(',').flatMap((port) => sources.split(',').map((source) => open(source, Number(port))));
for (const fd of flows) {
  send(fd, Buffer.from('hello'), 5, 0);
  recv(fd, Buffer.alloc(64), 64, 0);
}
const began = performance.now();
const endMs = began + Number(seconds) * 1000;
const cpu = process.cpuUsage();
let sent = 0;
while (performance.now() < endMs)
  for (let n = 0; n < BATCH; n++) if (send(flows[n % flows.length]!, payload, payload.length, 0) > 0) sent++;
const { user, system } = process.cpuUsage(cpu);
console.log(JSON.stringify({ sent, seconds: (performance.now() - began) / 1000, cpuSeconds: (user + system) / 1e6 }));

function open(source: string, port: number): number {
  const fd = socket(AF_INET, SOCK_DGRAM, 0);
  if (bind(fd, address(source, 0), 16) < 0 || connect(fd, address(target, port), 16) < 0) throw new Error(`no flow from ${source}`);
  return fd;
}

function address(text: string, port: number): Buffer {
  const bytes = Buffer.alloc(16);
  bytes.writeUInt16LE(AF_INET, 0);
  bytes.writeUInt16BE(port, 2);
  bytes.set(text.split('.').map(Number), 4);
  return bytes;
}
