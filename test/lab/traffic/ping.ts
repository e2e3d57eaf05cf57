// Pings once, and prints "answered" or, after a second, "silent": node ping.ts DEVICE FROM TO
import { decodeEchoReply, encodeEcho } from '../../../agent/wans/icmp-echo.ts';
import { PingSocket } from '../../../agent/wans/ping-socket.ts';

const [, , device, source, address] = process.argv as unknown as [string, string, string, string, string];
const socket = new PingSocket({ device, address, source });
const id = process.pid & 0xffff;
const endsAt = performance.now() + 1000;
let isAnswered = false;
if (socket.send(encodeEcho(socket.isV6, id, 1))) {
  while (!isAnswered && performance.now() < endsAt) {
    for (const packet of socket.received()) isAnswered ||= decodeEchoReply(socket.isV6, packet)?.id === id;
    if (!isAnswered)
      await new Promise((resolve) => {
        setTimeout(resolve, 10);
      });
  }
}
console.log(isAnswered ? 'answered' : 'silent');
socket.close();
