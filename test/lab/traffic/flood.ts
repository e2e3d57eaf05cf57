// Sends frames as fast as asked from a device of this namespace, many with one call of the kernel, until its input ends.
//   node flood.ts DEVICE PACKETS-A-SECOND < hexadecimal frames, one a line, then an empty line
// Prints "flooding" when it has sent each once, and at the end {"sent":…,"seconds":…}. A rate of 0 is as fast as it can.
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { readFileSync } from 'node:fs';
import koffi from 'koffi';

const [, , device = '', rate = '0'] = process.argv;
const libc = koffi.load(null);
const socket = libc.func('int socket(int, int, int)');
const bind = libc.func('int bind(int, const void *, unsigned int)');
const setsockopt = libc.func('int setsockopt(int, int, int, const void *, unsigned int)');
const sendmmsg = libc.func('int sendmmsg(int, void *, unsigned int, int)');
const [AF_PACKET, SOCK_RAW, SOL_PACKET, PACKET_QDISC_BYPASS] = [17, 3, 263, 20];
/** UIO_MAXIOV: messages of one call. */
const MAX_BATCH = 1024;
/** struct mmsghdr and struct iovec of 64-bit Linux. */
const [HEADER_BYTES, VECTOR_BYTES] = [64, 16];

const input = createInterface({ input: process.stdin });
const frames = await readFrames();
const fd = socket(AF_PACKET, SOCK_RAW, 0) as number;
const address = Buffer.alloc(20); // struct sockaddr_ll
address.writeUInt16LE(AF_PACKET, 0);
address.writeInt32LE(Number(readFileSync(`/sys/class/net/${device}/ifindex`, 'utf8')), 4);
if (fd < 0 || (bind(fd, address, address.length) as number) !== 0) throw new Error(`cannot send from ${device}: errno ${koffi.errno()}`);
setsockopt(fd, SOL_PACKET, PACKET_QDISC_BYPASS, Buffer.from([1, 0, 0, 0]), 4);

const [headers, count] = headersFor(frames);
let isOver = false;
input.once('close', () => (isOver = true));
const beganMs = performance.now();
let sent = 0;
while (!isOver) {
  const due = rate === '0' ? Infinity : ((performance.now() - beganMs) * Number(rate)) / 1000;
  if (sent <= due) {
    const now = sendmmsg(fd, headers, count, 0) as number;
    if (now < 0) throw new Error(`cannot send: errno ${koffi.errno()}`);
    if (sent < frames.length && sent + now >= frames.length) console.log('flooding');
    sent += now;
  }
  await new Promise((resolve) => setImmediate(resolve));
}
console.log(JSON.stringify({ sent, seconds: (performance.now() - beganMs) / 1000 }));
process.exit(0);

async function readFrames(): Promise<Buffer[]> {
  const lines: Buffer[] = [];
  const take = (line: string): void => void (line === '' ? input.emit('whole') : lines.push(Buffer.from(line, 'hex')));
  input.on('line', take);
  await once(input, 'whole');
  input.off('line', take);
  if (lines.length === 0 || lines.length > MAX_BATCH) throw new Error(`${lines.length} frames; from 1 to ${MAX_BATCH} can be sent at once`);
  return lines;
}

/** The argument of sendmmsg for all frames, in memory that does not move. */
function headersFor(bytes: readonly Buffer[]): [unknown, number] {
  const total = bytes.reduce((sum, { length }) => sum + length, 0);
  const content = koffi.alloc('uint8_t', total);
  koffi.encode(content, koffi.array('uint8_t', total), Buffer.concat(bytes));
  const vectors = Buffer.alloc(bytes.length * VECTOR_BYTES);
  const vectorMemory = koffi.alloc('uint8_t', vectors.length);
  const messages = Buffer.alloc(bytes.length * HEADER_BYTES);
  let at = koffi.address(content);
  bytes.forEach(({ length }, index) => {
    vectors.writeBigUInt64LE(at, index * VECTOR_BYTES);
    vectors.writeBigUInt64LE(BigInt(length), index * VECTOR_BYTES + 8);
    messages.writeBigUInt64LE(koffi.address(vectorMemory) + BigInt(index * VECTOR_BYTES), index * HEADER_BYTES + 16); // msg_iov
    messages.writeBigUInt64LE(1n, index * HEADER_BYTES + 24); // msg_iovlen
    at += BigInt(length);
  });
  koffi.encode(vectorMemory, koffi.array('uint8_t', vectors.length), vectors);
  const memory = koffi.alloc('uint8_t', messages.length);
  koffi.encode(memory, koffi.array('uint8_t', messages.length), messages);
  return [memory, bytes.length];
}
