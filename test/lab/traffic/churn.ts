// Makes new UDP flows at a steady rate, each to another address and port, and prints how many there were when its input ends.
//   node churn.ts FLOWS-PER-SECOND [AT-MOST] [PORTS]      Prints "flowing" after the first, "all sent" after the last.
// Destination ports count up from 1024, PORTS of them. Packets go to 198.18.0.0/15, which must have a route; no replies are needed.
import koffi from 'koffi';

const AF_INET = 2;
const SOCK_DGRAM = 2;
const MSG_DONTWAIT = 0x40;
const TICK_MS = 5;
const libc = koffi.load(null);
const socket = libc.func('int socket(int, int, int)');
const sendto = libc.func('long sendto(int, const void*, size_t, int, const void*, int)');

const rate = Number(process.argv[2]);
const most = Number(process.argv[3] ?? Infinity);
const ports = Number(process.argv[4] ?? 60_000);
const fd = socket(AF_INET, SOCK_DGRAM, 0);
const to = Buffer.alloc(16);
to.writeUInt16LE(AF_INET, 0);
const payload = Buffer.from('new');
let sent = 0;
const beganMs = performance.now();

const timer = setInterval(() => {
  const due = Math.min(most, Math.ceil(((performance.now() - beganMs) / 1000) * rate));
  while (sent < due) {
    to.writeUInt16BE(1024 + (sent % ports), 2);
    to.writeUInt32BE(0xc6120000 + (Math.floor(sent / ports) % 0x20000), 4);
    if (sendto(fd, payload, payload.length, MSG_DONTWAIT, to, 16) < 0) break;
    if (sent++ === 0) console.log('flowing');
  }
  if (sent < most) return;
  clearInterval(timer);
  console.log('all sent');
}, TICK_MS);
process.stdin.resume().once('end', () => {
  console.log(sent);
  process.exit(0);
});
