import { NLMSG_DONE, NLMSG_ERROR, NLM_F_DUMP, NLM_F_REQUEST } from './constants.ts';
import { encodeMessage, readMessages, readVerdict } from './message.ts';
import { NetlinkError, type NetlinkSocket } from './socket.ts';

const ETIMEDOUT = 110;
const BLOCK_BYTES = 65_536;

/**
 * Requests a dump and decodes each message's body. For answers that fit into memory. `doing` is the text of an error. After an error, close
 * the socket: what it receives next may belong to this dump. Throws NetlinkError, DecodeError.
 */
export function readDump<Item>(
  socket: NetlinkSocket,
  { type, body, doing }: { type: number; body: Uint8Array; doing: string },
  decode: (body: Uint8Array) => Item,
): Item[] {
  const seq = socket.nextSeq();
  socket.send(encodeMessage({ type, flags: NLM_F_REQUEST | NLM_F_DUMP, seq, body }));
  const items: Item[] = [];
  const block = new Uint8Array(BLOCK_BYTES);
  for (;;) {
    const length = socket.receive(block);
    if (length === undefined) throw new NetlinkError(doing, ETIMEDOUT);
    for (const message of readMessages(block.subarray(0, length))) {
      if (message.seq !== seq) continue;
      if (message.type !== NLMSG_DONE && message.type !== NLMSG_ERROR) {
        items.push(decode(message.body));
        continue;
      }
      const { errno, reason } = readVerdict(message);
      if (errno !== 0) throw new NetlinkError(doing, errno, reason);
      return items;
    }
  }
}
