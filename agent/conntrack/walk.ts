import { FleetError } from '../../proto/model/error-codes.ts';
import { DecodeError } from '../netlink/attributes.ts';
import { NETLINK_NETFILTER, NLMSG_DONE, NLMSG_ERROR, NLMSG_HEADER_LENGTH, NLM_F_DUMP, NLM_F_REQUEST, align4 } from '../netlink/constants.ts';
import { hostU16, hostU32 } from '../netlink/attributes.ts';
import { encodeMessage, messageLength, readVerdict } from '../netlink/message.ts';
import { NetlinkError, NetlinkSocket, RECEIVE_TIMEOUT_MS } from '../netlink/socket.ts';
import { readBuckets } from './proc-files.ts';
import { CT_GET, CT_NEW } from './wire/constants.ts';
import { RawEntry } from './wire/raw-entry.ts';
import { encodeDump } from './wire/requests.ts';

/** A block of a dump is about 32 KB at most (seen: 32,448 B); the rest is room for kernels that send more. */
const BLOCK_BYTES = 65_536;

/** A dump answers within microseconds; one that has been silent for this long is not coming back. */
const MAX_SILENT_READS = 5_000 / RECEIVE_TIMEOUT_MS;

/**
 * Walks the whole table of this network namespace (or one family of it), and yields after each block so that the caller may stop or wait.
 * `visit` gets the same RawEntry each time; it must copy what it keeps. Each walk has its own socket: a second dump on one socket is EBUSY,
 * and closing it is how a dump ends early. The walk is not atomic: flows that come or go meanwhile may be in it or not, but none is in it twice.
 * Throws UNAVAILABLE if the table was resized meanwhile, CAPABILITY_MISSING without CAP_NET_ADMIN, NetlinkError, DecodeError.
 */
export function* walkTable(family: 4 | 6 | undefined, visit: (entry: RawEntry) => void): Generator<void, void, void> {
  const buckets = readBuckets();
  const socket = openTable();
  try {
    const seq = socket.nextSeq();
    socket.send(encodeMessage({ type: CT_GET, flags: NLM_F_REQUEST | NLM_F_DUMP, seq, body: encodeDump(family) }));
    yield* readDump(socket, seq, visit);
  } finally {
    socket.close();
  }
  // Entries move to other buckets in a resize, so that a walk may have met some twice and others never.
  if (readBuckets() !== buckets) throw new FleetError('UNAVAILABLE', 'The table was resized while it was being read. Ask again.');
}

/** A socket for the conntrack subsystem. Throws CAPABILITY_MISSING where the kernel refuses one. */
export function openTable(): NetlinkSocket {
  try {
    return new NetlinkSocket(NETLINK_NETFILTER, { receiveBuffer: 4 << 20, sendBuffer: 1 << 20 });
  } catch (error) {
    throw tableError(error);
  }
}

/** EPERM in words that name the cure; anything else as it is. */
export function tableError(error: unknown): unknown {
  if (!(error instanceof NetlinkError)) return error;
  if (error.code === 'EPERM') return new FleetError('CAPABILITY_MISSING', 'The agent may not use the conntrack table: give it CAP_NET_ADMIN in the network namespace of the gateway.', {}, { cause: error });
  if (error.code === 'EPROTONOSUPPORT' || error.code === 'EINVAL') return new FleetError('CAPABILITY_MISSING', 'This kernel has no conntrack netlink: load nf_conntrack_netlink.', {}, { cause: error });
  return error;
}

function* readDump(socket: NetlinkSocket, seq: number, visit: (entry: RawEntry) => void): Generator<void, void, void> {
  const entry = new RawEntry();
  const repeats = new RepeatedEntries();
  const blocks = [new Uint8Array(BLOCK_BYTES), new Uint8Array(BLOCK_BYTES)] as const;
  for (let turn = 0, silent = 0; ; yield) {
    const block = blocks[turn]!;
    const length = socket.receive(block);
    if (length === undefined) {
      if (++silent > MAX_SILENT_READS) throw new FleetError('UNAVAILABLE', 'The kernel stopped in the middle of a walk of the table. Ask again.');
      continue;
    }
    silent = 0;
    turn ^= 1;
    const messages = block.subarray(0, length);
    repeats.beginBlock();
    for (let at = 0; at < length;) {
      const end = at + messageLength(messages, at);
      const type = hostU16(block, at + 4);
      if (hostU32(block, at + 8) !== seq) throw new DecodeError('', 'a dump has a message of another request');
      if (type === CT_NEW) {
        entry.read(block, at + NLMSG_HEADER_LENGTH, end);
        if (!repeats.isRepeated(entry)) visit(entry);
      } else if (type === NLMSG_DONE || type === NLMSG_ERROR) {
        const { errno, reason } = readVerdict({ type, flags: hostU16(block, at + 6), seq, body: block.subarray(at + NLMSG_HEADER_LENGTH, end) });
        if (errno !== 0) throw tableError(new NetlinkError('cannot read the table', errno, reason));
        return;
      }
      at += align4(end - at);
    }
  }
}

/** Where the ids of a block leave a trace, by their low bits; most ids are told apart by it. */
const TRACES = 4096;

/**
 * A dump goes on after the last entry of the block before; if that is gone, it begins its bucket again (ctnetlink_dump_table). So only the
 * block before can hold what is repeated. An id is unique only together with its tuple (119 collisions in a million were seen).
 */
class RepeatedEntries {
  #before = new BlockIds();
  #block = new BlockIds();

  beginBlock(): void {
    [this.#before, this.#block] = [this.#block, this.#before];
    this.#block.clear();
  }

  isRepeated({ id, bytes, orig }: RawEntry): boolean {
    if (this.#before.has(id, bytes, orig.start, orig.end)) return true;
    this.#block.add(id, bytes, orig.start, orig.end);
    return false;
  }
}

/** The ids of one block and where their tuples lie. No objects: this is done for each entry of each walk. */
class BlockIds {
  readonly #traces = new Uint8Array(TRACES);
  readonly #ids: number[] = [];
  readonly #starts: number[] = [];
  readonly #ends: number[] = [];
  #bytes: Uint8Array = new Uint8Array();
  #count = 0;

  clear(): void {
    this.#traces.fill(0);
    this.#count = 0;
  }

  add(id: number, bytes: Uint8Array, start: number, end: number): void {
    this.#bytes = bytes;
    this.#traces[id % TRACES] = 1;
    this.#ids[this.#count] = id;
    this.#starts[this.#count] = start;
    this.#ends[this.#count++] = end;
  }

  has(id: number, bytes: Uint8Array, start: number, end: number): boolean {
    if (this.#traces[id % TRACES] === 0) return false;
    for (let i = 0; i < this.#count; i++) {
      if (this.#ids[i] === id && Buffer.compare(this.#bytes.subarray(this.#starts[i], this.#ends[i]), bytes.subarray(start, end)) === 0) return true;
    }
    return false;
  }
}
