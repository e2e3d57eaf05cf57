import { NLMSG_ERROR, NLMSG_HEADER_LENGTH, NLM_F_ACK, align4 } from '../../netlink/constants.ts';
import { hostU16, setHostU16, setHostU32 } from '../../netlink/attributes.ts';
import { readMessages, readVerdict } from '../../netlink/message.ts';
import { NetlinkError, type NetlinkSocket, RECEIVE_TIMEOUT_MS } from '../../netlink/socket.ts';
import { tableError } from './dump.ts';
import { Block } from '../rows/block.ts';

const EPERM = 1;

/**
 * Maximum bytes and messages of one batch. A failure takes about 1 KB of the receive buffer of several MB, so no answer to a batch is lost.
 */
const BATCH_BYTES = 65_536;
const BATCH_MESSAGES = 1024;
/** Maximum bytes of one of our requests. */
const LONGEST = 1024;
const MAX_SILENT_READS = 5_000 / RECEIVE_TIMEOUT_MS;

/** The kernel's verdict was lost, so the outcome of the request is unknown. */
export const LOST = -1;

/** Writes the body of a request after its header, at byte `at`, which is word-aligned, and returns the body's length in bytes. */
export type WriteBody = (index: number, out: Block, at: number) => number;

/**
 * Sends `count` requests of one type that change one entry each, and returns the errno of each: 0 for done, LOST if unknown.
 *
 * Requests go out in batches without waiting; only the last of a batch asks for an acknowledgement. The kernel works through a batch in
 * order and reports each failure, so a request without an answer has succeeded once the last is acknowledged. Waiting for each answer would
 * halve the rate. Throws CAPABILITY_MISSING without CAP_NET_ADMIN, NetlinkError.
 */
export function pipeline(
  socket: NetlinkSocket,
  { type, flags, count, writeBody }: { type: number; flags: number; count: number; writeBody: WriteBody },
): Int32Array {
  const errnos = new Int32Array(count);
  const out = new Block(new Uint8Array(BATCH_BYTES + LONGEST));
  const { bytes } = out;
  const block = new Uint8Array(BATCH_BYTES);
  for (let next = 0; next < count;) {
    const first = next;
    const firstSeq = socket.nextSeq();
    let length = 0;
    let last = 0;
    for (; next < count && length < BATCH_BYTES && next - first < BATCH_MESSAGES; next++) {
      const bodyLength = writeBody(next, out, length + NLMSG_HEADER_LENGTH);
      setHostU32(bytes, length, NLMSG_HEADER_LENGTH + bodyLength);
      setHostU16(bytes, length + 4, type);
      setHostU16(bytes, length + 6, flags);
      setHostU32(bytes, length + 8, next === first ? firstSeq : socket.nextSeq());
      setHostU32(bytes, length + 12, 0);
      last = length;
      length += align4(NLMSG_HEADER_LENGTH + bodyLength);
    }
    setHostU16(bytes, last + 6, hostU16(bytes, last + 6) | NLM_F_ACK);
    socket.send(bytes.subarray(0, length));
    if (!readVerdicts(socket, block, errnos.subarray(first, next), firstSeq)) errnos.fill(LOST, first, next);
  }
  return errnos;
}

/** Reads answers until the last request of the batch is answered; false if that answer, or any, was lost. */
function readVerdicts(socket: NetlinkSocket, block: Uint8Array, errnos: Int32Array, firstSeq: number): boolean {
  for (let silent = 0; silent < MAX_SILENT_READS;) {
    let length: number | undefined;
    try {
      length = socket.receive(block);
    } catch (error) {
      if (error instanceof NetlinkError && error.code === 'ENOBUFS') return false;
      throw error;
    }
    if (length === undefined) {
      silent++;
      continue;
    }
    for (const message of readMessages(block.subarray(0, length))) {
      const index = (message.seq - firstSeq) >>> 0;
      if (message.type !== NLMSG_ERROR || index >= errnos.length) continue; // from an abandoned batch
      const { errno, reason } = readVerdict(message);
      if (errno === EPERM) throw tableError(new NetlinkError('cannot change the table', errno, reason));
      errnos[index] = errno;
      if (index === errnos.length - 1) return true;
    }
  }
  return false;
}
