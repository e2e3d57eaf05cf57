import { parentPort, workerData } from 'node:worker_threads';
import { NETLINK_NETFILTER, NLMSG_HEADER_LENGTH, NLM_F_CREATE, align4 } from '../../netlink/constants.ts';
import { messageLength } from '../../netlink/message.ts';
import { NetlinkError, NetlinkSocket, isOwnPort } from '../../netlink/socket.ts';
import { Columns } from '../rows/columns.ts';
import { EventCounts, PLACES } from './counts.ts';
import type { EventOptions, FromEventWorker } from './table-events.ts';
import { LiveSet } from './live-set.ts';
import { tupleHash } from '../rows/rates.ts';
import { tableError, walkTable } from '../ctnetlink/dump.ts';
import { CT_DELETE, CT_NEW, NFNLGRP_CONNTRACK_DESTROY, NFNLGRP_CONNTRACK_NEW, NFNLGRP_CONNTRACK_UPDATE } from '../wire/constants.ts';
import { RowReader } from '../rows/read-entry.ts';
import { Block, firstHalf, secondHalf } from '../rows/block.ts';

/** Module constants, which V8 folds into the code. */
const { born: BORN, changed: CHANGED, ended: ENDED, endedByUs: ENDED_BY_US } = PLACES;
/** Events read between two blocks of a walk, so that the walk makes progress in a flood. */
const EVENTS_PER_BLOCK = 2_000;
/** The next walk waits this many times as long as the last one took, so that a flood cannot make this thread walk for ever. */
const REST_PER_WALK = 4;

if (!parentPort) throw new Error('worker.ts runs as a worker thread of table-events.ts');
const port = parentPort;
const { memory, receiveBuffer, withChanges, withLive } = workerData as EventOptions & { memory: SharedArrayBuffer };
const counts = new EventCounts(memory);
const live = withLive ? new LiveSet() : undefined;
const entry = new Columns(1);
const reader = new RowReader(entry);
const block = new Block(new Uint8Array(65_536));

/**
 * The thread that receives the kernel's events: it does nothing else, so that a walk of 2.5 s elsewhere never delays it. Delivery is never
 * made reliable (NETLINK_BROADCAST_ERROR): the kernel would then drop customers' packets whose event does not fit.
 */
try {
  listen();
} catch (error) {
  const cause = tableError(error);
  say({ kind: 'failed', message: cause instanceof Error ? cause.message : String(cause) });
}

function listen(): void {
  const groups = [NFNLGRP_CONNTRACK_NEW, NFNLGRP_CONNTRACK_DESTROY, ...(withChanges ? [NFNLGRP_CONNTRACK_UPDATE] : [])];
  const socket = new NetlinkSocket(NETLINK_NETFILTER, { receiveBuffer, sendBuffer: 4096, groups });
  say({ kind: 'listening' });
  try {
    let walkAtMs = 0;
    while (counts.get('isStopping') === 0) {
      if (live && !live.isExact && performance.now() >= walkAtMs) {
        const beganMs = performance.now();
        heal(socket, live);
        walkAtMs = performance.now() + REST_PER_WALK * (performance.now() - beganMs);
      }
      if (hear(socket)) publish();
    }
  } finally {
    socket.close();
  }
}

/** Walks the table while receiving events. */
function heal(socket: NetlinkSocket, live: LiveSet): void {
  live.begin();
  const overflows = counts.get('overflows');
  try {
    const walk = walkTable(undefined, (found, start, end) => {
      live.met(nameOf(found, start, end));
    });
    for (const _ of walk) {
      for (let events = 0; events < EVENTS_PER_BLOCK && socket.hasMessages(); events++) hear(socket);
      if (counts.get('overflows') !== overflows || counts.get('isStopping') === 1) return;
    }
  } catch (error) {
    live.lost();
    say({ kind: 'failed walk', message: error instanceof Error ? error.message : String(error) });
    return;
  }
  if (live.finish()) counts.add(PLACES.heals);
  publish();
}

/** Reads once; false if nothing came within the receive timeout. */
function hear(socket: NetlinkSocket): boolean {
  let length: number | undefined;
  try {
    length = socket.receive(block.bytes);
  } catch (error) {
    if (!(error instanceof NetlinkError) || error.code !== 'ENOBUFS') throw error;
    counts.add(PLACES.overflows);
    live?.lost();
    return true;
  }
  if (length === undefined) return false;
  const { words } = block;
  for (let at = 0; at < length;) {
    const word = at >> 2;
    const size = words[word]!;
    // Only for its error message.
    if (size < NLMSG_HEADER_LENGTH || size > length - at) messageLength(block.bytes.subarray(0, length), at);
    count(word, at, at + size);
    at += align4(size);
  }
  return true;
}

/** Length, type with flags, sequence number and port id are the four words of a header. */
function count(word: number, start: number, end: number): void {
  const kind = block.words[word + 1]!;
  const type = firstHalf(kind);
  if (type === CT_DELETE) {
    counts.add(ENDED);
    if (isOwnPort(block.words[word + 3]! >>> 0)) counts.add(ENDED_BY_US);
  } else if (type === CT_NEW) {
    // The groups of new entries and of changes share a type; only the flag tells them apart.
    counts.add(secondHalf(kind) & NLM_F_CREATE ? BORN : CHANGED);
  }
  if (!live) return;
  const name = nameOf(block, start + NLMSG_HEADER_LENGTH, end);
  if (type === CT_DELETE) live.ended(name);
  else live.born(name);
}

function publish(): void {
  if (!live) return;
  counts.set('live', live.size);
  counts.set('isLive', live.isExact ? 1 : 0);
}

/**
 * A 53-bit name for an entry: its id, which is unique only together with its tuple (119 collisions in a million were seen), and 21 bits of
 * a hash of the tuple. The probability that two of a million entries share a name is below 1 in 10,000; the set then counts one too few.
 */
function nameOf(from: Block, start: number, end: number): number {
  entry.clear(1);
  reader.append(from, start, end);
  return entry.common.id[0]! * 0x20_0000 + (tupleHash(entry, 0) >>> 11);
}

function say(message: FromEventWorker): void {
  port.postMessage(message);
}
