// A SIP trunk: REGISTERs from one fixed port and prints one JSON line each time its state changes.
//   node trunk.ts LOCAL-ADDRESS SERVER PERIOD-MS [LOCAL-PORT]
import dgram from 'node:dgram';

const [, , local, server, period, port = '5060'] = process.argv as unknown as [string, string, string, string, string, string?];
const periodMs = Number(period);
const socket = dgram.createSocket(local.includes(':') ? 'udp6' : 'udp4');
let sequence = 0;
let answeredAt = performance.now();
let last = '';

function say(state: { state: 'registered'; seenAs: string } | { state: 'down' }): void {
  const line = JSON.stringify(state);
  if (line !== last) console.log(line);
  last = line;
}

socket.on('message', (message) => {
  const [, address, seenPort] = /received=([^;\s]+);rport=(\d+)/.exec(message.toString()) ?? [];
  answeredAt = performance.now();
  say({ state: 'registered', seenAs: `${address}:${seenPort}` });
});
socket.on('error', () => undefined);
socket.bind(Number(port), local, () => {
  register();
  setInterval(() => {
    register();
    if (performance.now() - answeredAt > 3 * periodMs) say({ state: 'down' });
  }, periodMs);
});

function register(): void {
  const text = [
    `REGISTER sip:trunk.example SIP/2.0`,
    `Via: SIP/2.0/UDP ${local}:${port};branch=z9hG4bK${++sequence};rport`,
    `From: <sip:trunk@trunk.example>;tag=${sequence}`,
    'To: <sip:trunk@trunk.example>',
    'Call-ID: trunk@lab',
    `CSeq: ${sequence} REGISTER`,
    `Contact: <sip:trunk@${local}:${port}>`,
    'Max-Forwards: 70',
    'Content-Length: 0',
    '',
    '',
  ].join('\r\n');
  socket.send(text, 5060, server, () => undefined);
}
