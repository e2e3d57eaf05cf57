import { NETLINK_NETFILTER, NLMSG_ERROR, NLM_F_ACK, NLM_F_CREATE, NLM_F_EXCL, NLM_F_REQUEST } from '../../agent/netlink/constants.ts';
import { encodeMessage, readMessages, readVerdict } from '../../agent/netlink/message.ts';
import { NetlinkError, NetlinkSocket } from '../../agent/netlink/socket.ts';
import { CT_NEW } from '../../agent/conntrack/wire/constants.ts';
import { encodeCreate, type NewEntry } from '../../agent/conntrack/wire/requests.ts';

const BATCH = 256;

/** Puts entries into the table of the calling thread's namespace. Throws NetlinkError at the first that the kernel refuses. */
export function createEntries(entries: Iterable<NewEntry>): void {
  const socket = new NetlinkSocket(NETLINK_NETFILTER, { receiveBuffer: 4 << 20, sendBuffer: 1 << 20 });
  try {
    let batch: Uint8Array[] = [];
    let seq = 0;
    for (const entry of entries) {
      batch.push(encodeMessage({ type: CT_NEW, flags: NLM_F_REQUEST | NLM_F_CREATE | NLM_F_EXCL | NLM_F_ACK, seq: (seq = socket.nextSeq()), body: encodeCreate(entry) }));
      if (batch.length < BATCH) continue;
      sendBatch(socket, batch, seq);
      batch = [];
    }
    if (batch.length > 0) sendBatch(socket, batch, seq);
  } finally {
    socket.close();
  }
}

function sendBatch(socket: NetlinkSocket, batch: Uint8Array[], lastSeq: number): void {
  socket.send(Buffer.concat(batch));
  const block = new Uint8Array(65_536);
  for (;;) {
    const length = socket.receive(block);
    if (length === undefined) throw new NetlinkError('no answer to a new entry', 110);
    for (const message of readMessages(block.subarray(0, length))) {
      if (message.type !== NLMSG_ERROR) continue;
      const { errno, reason } = readVerdict(message);
      if (errno !== 0) throw new NetlinkError(`cannot make entry ${batch.length - 1 - (lastSeq - message.seq)} of the batch`, errno, reason);
      if (message.seq === lastSeq) return;
    }
  }
}
