// Sends crafted packets and prints "sent": node packets.ts gre|esp|syn FROM TO [COUNT]
// Each SYN has another source port; nothing here handles the answers.
import { espPacket, grePacket, sendRaw, synPacket } from './raw.ts';

const [, , kind, from, to, count = '1'] = process.argv as unknown as [string, string, 'gre' | 'esp' | 'syn', string, string, string?];
for (let n = 0; n < Number(count); n++) {
  switch (kind) {
    case 'gre':
      sendRaw(47, from, to, grePacket());
      break;
    case 'esp':
      sendRaw(50, from, to, espPacket(1000 + n));
      break;
    case 'syn':
      sendRaw(6, from, to, synPacket(from, to, 20_000 + n, 9));
  }
}
console.log('sent');
process.stdin.resume().once('end', () => process.exit(0));
