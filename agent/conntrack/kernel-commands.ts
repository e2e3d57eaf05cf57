import { FleetError } from '../../proto/model/error-codes.ts';
import type { FlowKey } from '../../proto/model/flow.ts';
import { NLMSG_ERROR, NLM_F_ACK, NLM_F_REQUEST } from '../netlink/constants.ts';
import { encodeMessage, readMessages, readVerdict } from '../netlink/message.ts';
import { NetlinkError, type NetlinkSocket, RECEIVE_TIMEOUT_MS } from '../netlink/socket.ts';
import { Columns } from './columns.ts';
import { LOST, pipeline, type WriteBody } from './pipeline.ts';
import type { FlowIdentity, DeleteOutcome } from './table.ts';
import { openTable, tableError } from './walk.ts';
import { CT_DELETE, CT_GET, CT_NEW } from './wire/constants.ts';
import { decodeEntry, type Entry } from './wire/entry.ts';
import { encodeDelete, encodeLookup } from './wire/requests.ts';
import { Block, RowReader } from './wire/row-reader.ts';
import { writeRowDelete } from './wire/row-delete.ts';

const EPERM = 1;
const ENOENT = 2;

/** A found entry takes about 2 KB of the receive buffer (4 MB), so no reply of a batch can be lost. */
const BATCH = 512;
const REPLY_BYTES = 65_536;
const MAX_SILENT_READS = 5_000 / RECEIVE_TIMEOUT_MS;

/** What came back for one request of a batch: the body of an entry, or a verdict with its errno (0 for done). */
export interface Reply { body?: Uint8Array; errno?: number }

/**
 * Ends exactly these entries, each by original tuple, zone and id. Where a start is given, entries that began at another time are gone: they
 * are looked up first, as the kernel compares no start. What begins in the microseconds between with the same tuple and id would not be spared.
 */
export function deleteEntries(keys: readonly FlowIdentity[]): DeleteOutcome[] {
  const isAnother = beganAnew(keys);
  const doomed = keys.filter((_, index) => isAnother[index] === 0);
  const errnos = deleteBy(doomed.length, (index, out, at) => {
    const body = encodeDelete(doomed[index]!);
    out.set(body, at);
    return body.length;
  }).values();
  return Array.from(isAnother, (another) => (another === 1 ? 'gone' : outcomeOf(errnos.next().value!)));
}

/** 1 for each key whose tuple now belongs to an entry with another start. */
function beganAnew(keys: readonly FlowIdentity[]): Uint8Array {
  const isAnother = new Uint8Array(keys.length);
  const places = keys.flatMap(({ startedAtMs }, index) => (startedAtMs === undefined ? [] : [index]));
  const columns = new Columns(1);
  const reader = new RowReader(columns);
  findBodies(places.map((index) => keys[index]!)).forEach((body, at) => {
    if (!body) return;
    columns.clear(1);
    reader.append(new Block(body), 0, body.length);
    const index = places[at]!;
    if (columns.common.startedAtMs[0] !== keys[index]!.startedAtMs) isAnother[index] = 1;
  });
  return isAnother;
}

/** Ends exactly the entries of these rows; how many of each outcome. */
export function deleteRows(columns: Columns): Record<DeleteOutcome, number> {
  const totals = { deleted: 0, gone: 0, failed: 0 };
  for (const errno of deleteBy(columns.count, (row, out, at) => writeRowDelete(columns, row, out, at))) totals[outcomeOf(errno)]++;
  return totals;
}

/** Requests whose verdict was lost are sent once more: an entry that is not there then may have ended by us or by itself, and counts as gone. */
function deleteBy(count: number, writeBody: WriteBody): Int32Array {
  return withTable((socket) => {
    const errnos = pipeline(socket, { type: CT_DELETE, flags: NLM_F_REQUEST, count, writeBody });
    for (let index = 0; index < count; index++) {
      if (errnos[index] !== LOST) continue;
      errnos[index] = pipeline(socket, { type: CT_DELETE, flags: NLM_F_REQUEST, count: 1, writeBody: (_, out, at) => writeBody(index, out, at) })[0]!;
    }
    return errnos;
  });
}

/** The bodies of the entries that now have these original tuples and zones, in the order given. */
export function findBodies(keys: readonly Omit<FlowKey, 'id'>[]): (Uint8Array | undefined)[] {
  return withTable((socket) => inBatches(keys, (batch) => {
    const { replies, isComplete } = exchange(socket, CT_GET, batch.map(encodeLookup), 'last');
    return batch.map((key, index) => {
      const { body, errno } = replies[index] ?? {};
      if (body === undefined && errno === undefined && !isComplete) throw new FleetError('UNAVAILABLE', 'The kernel’s answer to a look-up was lost. Ask again.');
      if (errno !== undefined && errno !== 0 && errno !== ENOENT) throw new NetlinkError(`cannot look up an entry of protocol ${key.proto}`, errno);
      return body && isSameTuple(decodeEntry(body), key) ? body : undefined;
    });
  }));
}

/** The entry of one original tuple and zone, if there is one. */
export function findEntry(key: Omit<FlowKey, 'id'>): Entry | undefined {
  const [body] = findBodies([key]);
  return body && decodeEntry(body);
}

/** The hash holds both directions, so the kernel also answers with an entry whose reply tuple was asked for. */
function isSameTuple(entry: Entry, { orig, proto, family }: Omit<FlowKey, 'id'>): boolean {
  const { src, dst, sport, dport, srcKey, dstKey, icmp } = entry.orig;
  return entry.family === family && entry.proto === proto && src === orig.src && dst === orig.dst && sport === orig.sport && dport === orig.dport
    && srcKey === orig.srcKey && dstKey === orig.dstKey && icmp?.type === orig.icmp?.type && icmp?.code === orig.icmp?.code && icmp?.id === orig.icmp?.id;
}

/** ENOENT: no such tuple, or it belongs to another entry now (the id differs). EBUSY: in the hands of a flow table. */
function outcomeOf(errno: number): DeleteOutcome {
  if (errno === 0) return 'deleted';
  return errno === ENOENT ? 'gone' : 'failed';
}

/**
 * Sends a batch and reads what comes back until its last request is answered. `acknowledge`: whether each request asks for an answer or only
 * the last. Throws CAPABILITY_MISSING without CAP_NET_ADMIN. Incomplete where the kernel says that replies were lost, or falls silent.
 */
export function exchange(socket: NetlinkSocket, type: number, bodies: Uint8Array[], acknowledge: 'each' | 'last', flags = NLM_F_REQUEST): { replies: (Reply | undefined)[]; isComplete: boolean } {
  const firstSeq = bodies.map(() => socket.nextSeq())[0]!;
  const last = bodies.length - 1;
  socket.send(Buffer.concat(bodies.map((body, index) => {
    return encodeMessage({ type, flags: flags | (acknowledge === 'each' || index === last ? NLM_F_ACK : 0), seq: firstSeq + index, body });
  })));
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
      if (index < 0 || index > last) continue; // of a batch that was given up
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
