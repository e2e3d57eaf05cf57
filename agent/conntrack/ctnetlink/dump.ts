import { FleetError } from '../../../proto/model/error-codes.ts';
import { DecodeError } from '../../netlink/attributes.ts';
import {
  NETLINK_NETFILTER,
  NLMSG_DONE,
  NLMSG_ERROR,
  NLMSG_HEADER_LENGTH,
  NLM_F_DUMP,
  NLM_F_REQUEST,
  align4,
} from '../../netlink/constants.ts';
import { encodeMessage, messageLength, readVerdict } from '../../netlink/message.ts';
import { NetlinkError, NetlinkSocket, RECEIVE_TIMEOUT_MS } from '../../netlink/socket.ts';
import type { KernelFilter } from '../wire/kernel-filter.ts';
import type { Columns } from '../rows/columns.ts';
import { readBuckets } from '../proc/proc-files.ts';
import { CT_GET, CT_NEW } from '../wire/constants.ts';
import { encodeDump } from '../wire/requests.ts';
import { RowReader } from '../rows/read-entry.ts';
import { Block, firstHalf, secondHalf } from '../rows/block.ts';

/** A dump's block is about 32 KB at most (seen: 32,448 B); the rest is headroom for kernels that send more. */
const BLOCK_BYTES = 65_536;

/** A dump answers within microseconds; after this much silence no answer will come. */
const MAX_SILENT_READS = 5_000 / RECEIVE_TIMEOUT_MS;

/** Called with each entry of a walk: its block, and the bounds of its CT_NEW body. The block is reused: copy what is kept. */
export type Visit = (block: Block, start: number, end: number) => void;

/**
 * Walks the table of this network namespace, or the part that passes the kernel's own filter, and yields after each block so that the
 * caller may stop or wait. Each walk has its own socket: a second dump on one socket fails with EBUSY, and a dump is aborted by closing it.
 * The walk is not atomic: flows that begin or end meanwhile may or may not be in it. Throws UNAVAILABLE if the table was resized meanwhile,
 * CAPABILITY_MISSING without CAP_NET_ADMIN, NetlinkError, DecodeError.
 */
export function* walkTable(filter: KernelFilter | undefined, visit: Visit): Generator<void, void, void> {
  const buckets = readBuckets();
  const socket = openTable();
  try {
    const seq = socket.nextSeq();
    socket.send(encodeMessage({ type: CT_GET, flags: NLM_F_REQUEST | NLM_F_DUMP, seq, body: encodeDump(filter) }));
    yield* readDump(socket, seq, visit);
  } finally {
    socket.close();
  }
  // A resize moves entries to other buckets, so a walk may have met some twice and others never.
  if (readBuckets() !== buckets) throw new FleetError('UNAVAILABLE', 'The table was resized while it was being read. Ask again.');
}

/** Walks the table into columns, each entry once. */
export function* walkInto(columns: Columns, filter?: KernelFilter): Generator<void, void, void> {
  const reader = new RowReader(columns);
  const repeats = new RepeatedRows(columns);
  const walk = walkTable(filter, (block, start, end) => {
    reader.append(block, start, end);
    repeats.dropIfRepeated();
  });
  for (const _ of walk) {
    repeats.endBlock();
    yield;
  }
}

/** Opens a socket for the conntrack subsystem. Throws CAPABILITY_MISSING if the kernel refuses. */
export function openTable(): NetlinkSocket {
  try {
    return new NetlinkSocket(NETLINK_NETFILTER, { receiveBuffer: 4 << 20, sendBuffer: 1 << 20 });
  } catch (error) {
    throw tableError(error);
  }
}

/** Translates EPERM and a missing subsystem into errors that name the remedy; anything else is returned unchanged. */
export function tableError(error: unknown): unknown {
  if (!(error instanceof NetlinkError)) return error;
  if (error.code === 'EPERM')
    return new FleetError(
      'CAPABILITY_MISSING',
      'The agent may not use the conntrack table: give it CAP_NET_ADMIN in the network namespace of the gateway.',
      {},
      { cause: error },
    );
  if (error.code === 'EPROTONOSUPPORT' || error.code === 'EINVAL')
    return new FleetError('CAPABILITY_MISSING', 'This kernel has no conntrack netlink: load nf_conntrack_netlink.', {}, { cause: error });
  return error;
}

function* readDump(socket: NetlinkSocket, seq: number, visit: Visit): Generator<void, void, void> {
  const block = new Block(new Uint8Array(BLOCK_BYTES));
  for (let silent = 0; ; yield) {
    const length = socket.receive(block.bytes);
    if (length === undefined) {
      if (++silent > MAX_SILENT_READS)
        throw new FleetError('UNAVAILABLE', 'The kernel stopped answering in the middle of a walk of the table. Ask again.');
      continue;
    }
    silent = 0;
    const { words, bytes } = block;
    for (let at = 0; at < length;) {
      const header = at >> 2; // length, type with flags, sequence number and port id
      const size = words[header]!;
      // Only for its error message.
      if (size < NLMSG_HEADER_LENGTH || size > length - at) messageLength(bytes.subarray(0, length), at);
      const end = at + size;
      const type = firstHalf(words[header + 1]!);
      if (words[header + 2]! !== seq) throw new DecodeError('', 'a dump contains a message of another request');
      if (type === CT_NEW) {
        visit(block, at + NLMSG_HEADER_LENGTH, end);
      } else if (type === NLMSG_DONE || type === NLMSG_ERROR) {
        const { errno, reason } = readVerdict({
          type,
          flags: secondHalf(words[header + 1]!),
          seq,
          body: bytes.subarray(at + NLMSG_HEADER_LENGTH, end),
        });
        if (errno !== 0) throw tableError(new NetlinkError('cannot read the table', errno, reason));
        return;
      }
      at += align4(end - at);
    }
  }
}

/** Slots in which the ids of a block leave a mark, by their low bits; this rules out most repeats cheaply. */
const TRACES = 4096;

/**
 * A dump resumes after the last entry of the previous block; if that entry is gone, it restarts the bucket (ctnetlink_dump_table). So only
 * the previous block can hold repeated entries. An id is unique only together with its tuple (119 collisions in a million were seen).
 */
class RepeatedRows {
  readonly #columns: Columns;
  #traces = new Uint8Array(TRACES);
  #tracesBefore = new Uint8Array(TRACES);
  /** The rows of the previous block are those from `before` up to `current`. */
  #before = 0;
  #current = 0;

  constructor(columns: Columns) {
    this.#columns = columns;
  }

  /** Drops the last row if the previous block has it. */
  dropIfRepeated(): void {
    const columns = this.#columns;
    const row = columns.count - 1;
    const trace = columns.common.id[row]! & (TRACES - 1);
    if (this.#tracesBefore[trace] === 1) {
      for (let other = this.#before; other < this.#current; other++) if (columns.isSameFlow(other, row)) return columns.dropLast();
    }
    this.#traces[trace] = 1;
  }

  endBlock(): void {
    [this.#traces, this.#tracesBefore] = [this.#tracesBefore, this.#traces];
    this.#traces.fill(0);
    [this.#before, this.#current] = [this.#current, this.#columns.count];
  }
}
