import { NETLINK_NETFILTER, NLMSG_ERROR, NLM_F_ACK, NLM_F_REQUEST } from '../../netlink/constants.ts';
import { encodeMessage, readMessages, readVerdict } from '../../netlink/message.ts';
import { NetlinkError, NetlinkSocket } from '../../netlink/socket.ts';
import { NFNL_MSG_BATCH, NFNL_SUBSYS_NFTABLES } from '../rules/nf-tables.ts';

/** One change of a transaction. */
export interface NfChange {
  /** NFT_MSG */
  type: number;
  /** Beside NLM_F_REQUEST. */
  flags: number;
  /** NFPROTO */
  family: number;
  attributes: Uint8Array;
}

const BLOCK_BYTES = 65_536;
const MAX_SILENT_READS = 10;
const ETIMEDOUT = 110;
const DOING = 'the kernel refuses the change of nf_tables';

/**
 * Changes nf_tables in the network namespace of the calling thread: all of it or nothing. A process of nft takes ten times as long. Throws
 * NetlinkError with what the kernel says of the first that it refuses (nfnetlink_rcv_batch in net/netfilter/nfnetlink.c: verdicts come in
 * the order of the messages, that of the commit before all).
 */
export function changeNfTables(changes: readonly NfChange[]): void {
  if (changes.length === 0) return;
  const bytes = changes.reduce((sum, { attributes }) => sum + attributes.length + 64, 128);
  const socket = new NetlinkSocket(NETLINK_NETFILTER, { receiveBuffer: 1 << 18, sendBuffer: bytes });
  try {
    const begin = socket.nextSeq();
    const messages = [
      encodeMessage({ type: NFNL_MSG_BATCH.BEGIN, flags: NLM_F_REQUEST, seq: begin, body: header(0, NFNL_SUBSYS_NFTABLES) }),
      ...changes.map(({ type, flags, family, attributes }, index) =>
        encodeMessage({
          type,
          flags: flags | NLM_F_REQUEST | (index === changes.length - 1 ? NLM_F_ACK : 0),
          seq: socket.nextSeq(),
          body: Buffer.concat([header(family), attributes]),
        }),
      ),
    ];
    const last = begin + changes.length;
    messages.push(
      encodeMessage({ type: NFNL_MSG_BATCH.END, flags: NLM_F_REQUEST, seq: socket.nextSeq(), body: header(0, NFNL_SUBSYS_NFTABLES) }),
    );
    socket.send(Buffer.concat(messages));
    awaitVerdict(socket, last);
  } finally {
    socket.closeLater();
  }
}

function awaitVerdict(socket: NetlinkSocket, last: number): void {
  const block = new Uint8Array(BLOCK_BYTES);
  for (let silent = 0; silent < MAX_SILENT_READS;) {
    const length = socket.receive(block);
    if (length === undefined) {
      silent++;
      continue;
    }
    for (const message of readMessages(block.subarray(0, length))) {
      if (message.type !== NLMSG_ERROR) continue;
      const { errno, reason } = readVerdict(message);
      if (errno !== 0) throw new NetlinkError(DOING, errno, reason);
      if (message.seq === last) return;
    }
  }
  throw new NetlinkError(DOING, ETIMEDOUT);
}

/** struct nfgenmsg: family, version, resource in network order. */
function header(family: number, resource = 0): Uint8Array {
  return Uint8Array.of(family, 0, resource >> 8, resource & 0xff);
}
