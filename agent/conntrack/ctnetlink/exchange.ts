import { FleetError } from '../../../proto/model/error-codes.ts';
import type { FlowKey } from '../../../proto/model/flow.ts';
import { NLMSG_ERROR, NLM_F_ACK, NLM_F_REQUEST } from '../../netlink/constants.ts';
import { encodeMessage, readMessages, readVerdict } from '../../netlink/message.ts';
import { NetlinkError, type NetlinkSocket, RECEIVE_TIMEOUT_MS } from '../../netlink/socket.ts';
import { openTable, tableError } from './dump.ts';
import { CT_GET, CT_NEW } from '../wire/constants.ts';
import { decodeEntry, type Entry } from '../wire/entry.ts';
import { encodeLookup } from '../wire/requests.ts';

const EPERM = 1;
const ENOENT = 2;

/** A found entry takes about 2 KB of the receive buffer (4 MB), so no reply to a batch can be lost. */
const BATCH = 512;
const REPLY_BYTES = 65_536;
const MAX_SILENT_READS = 5_000 / RECEIVE_TIMEOUT_MS;

/** The reply to one request of a batch: the body of an entry, or a verdict with its errno (0 for done). */
export interface Reply {
  body?: Uint8Array;
  errno?: number;
}

/** The bodies of the entries that now have these original tuples and zones, in the order given. */
export function findBodies(keys: readonly Omit<FlowKey, 'id'>[]): (Uint8Array | undefined)[] {
  return withTable((socket) =>
    inBatches(keys, (batch) => {
      const { replies, isComplete } = exchange(socket, CT_GET, batch.map(encodeLookup), 'last');
      return batch.map((key, index) => {
        const { body, errno } = replies[index] ?? {};
        if (body === undefined && errno === undefined && !isComplete)
          throw new FleetError('UNAVAILABLE', 'The kernel’s answer to a lookup was lost. Ask again.');
        if (errno !== undefined && errno !== 0 && errno !== ENOENT)
          throw new NetlinkError(`cannot look up an entry of protocol ${key.proto}`, errno);
        return body && isSameTuple(decodeEntry(body), key) ? body : undefined;
      });
    }),
  );
}

/** The entry of one original tuple and zone, if there is one. */
export function findEntry(key: Omit<FlowKey, 'id'>): Entry | undefined {
  const [body] = findBodies([key]);
  return body && decodeEntry(body);
}

/** The hash holds both directions, so the kernel also returns an entry whose reply tuple was asked for. */
function isSameTuple(entry: Entry, { orig, proto, family }: Omit<FlowKey, 'id'>): boolean {
  const { src, dst, sport, dport, srcKey, dstKey, icmp } = entry.orig;
  return (
    entry.family === family &&
    entry.proto === proto &&
    src === orig.src &&
    dst === orig.dst &&
    sport === orig.sport &&
    dport === orig.dport &&
    srcKey === orig.srcKey &&
    dstKey === orig.dstKey &&
    icmp?.type === orig.icmp?.type &&
    icmp?.code === orig.icmp?.code &&
    icmp?.id === orig.icmp?.id
  );
}

/**
 * Sends a batch and reads replies until its last request is answered. `acknowledge`: whether each request asks for an answer or only the
 * last. `isComplete` is false if the kernel reported lost replies or stopped answering. Throws CAPABILITY_MISSING without CAP_NET_ADMIN.
 */
export function exchange(
  socket: NetlinkSocket,
  type: number,
  bodies: Uint8Array[],
  acknowledge: 'each' | 'last',
  flags = NLM_F_REQUEST,
): { replies: (Reply | undefined)[]; isComplete: boolean } {
  const firstSeq = bodies.map(() => socket.nextSeq())[0]!;
  const last = bodies.length - 1;
  socket.send(
    Buffer.concat(
      bodies.map((body, index) => {
        return encodeMessage({
          type,
          flags: flags | (acknowledge === 'each' || index === last ? NLM_F_ACK : 0),
          seq: firstSeq + index,
          body,
        });
      }),
    ),
  );
  const replies: (Reply | undefined)[] = [];
  const block = new Uint8Array(REPLY_BYTES);
  for (let silent = 0; silent < MAX_SILENT_READS;) {
    let length: number | undefined;
    try {
      length = socket.receive(block);
    } catch (error) {
      if (error instanceof NetlinkError && error.code === 'ENOBUFS') return { replies, isComplete: false };
      throw error;
    }
    if (length === undefined) {
      silent++;
      continue;
    }
    for (const message of readMessages(block.subarray(0, length))) {
      const index = message.seq - firstSeq;
      if (index < 0 || index > last) continue; // from an abandoned batch
      const reply = (replies[index] ??= {});
      if (message.type === CT_NEW) reply.body = message.body.slice();
      else if (message.type === NLMSG_ERROR) {
        const { errno, reason } = readVerdict(message);
        if (errno === EPERM) throw tableError(new NetlinkError('cannot use the table', errno, reason));
        reply.errno = errno;
      }
    }
    if (replies[last]?.errno !== undefined) return { replies, isComplete: true };
  }
  return { replies, isComplete: false };
}

export function withTable<Result>(use: (socket: NetlinkSocket) => Result): Result {
  const socket = openTable();
  try {
    return use(socket);
  } finally {
    socket.close();
  }
}

export function inBatches<Item, Result>(items: readonly Item[], each: (batch: readonly Item[]) => Result[]): Result[] {
  const results: Result[] = [];
  for (let at = 0; at < items.length; at += BATCH) results.push(...each(items.slice(at, at + BATCH)));
  return results;
}
