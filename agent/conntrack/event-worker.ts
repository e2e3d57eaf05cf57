import { parentPort, workerData } from 'node:worker_threads';
import { hostU16, hostU32 } from '../netlink/attributes.ts';
import { NETLINK_NETFILTER, NLMSG_HEADER_LENGTH, NLM_F_CREATE, align4 } from '../netlink/constants.ts';
import { messageLength } from '../netlink/message.ts';
import { NetlinkError, NetlinkSocket, isOwnPort } from '../netlink/socket.ts';
import { Columns } from './columns.ts';
import { EventCounts } from './event-counts.ts';
import type { EventOptions, FromEventWorker } from './events.ts';
import { LiveSet } from './live-set.ts';
import { tupleHash } from './rates.ts';
import { tableError, walkTable } from './walk.ts';
import { CT_DELETE, CT_NEW, NFNLGRP_CONNTRACK_DESTROY, NFNLGRP_CONNTRACK_NEW, NFNLGRP_CONNTRACK_UPDATE } from './wire/constants.ts';
import { RowReader } from './wire/row-reader.ts';
import { Block } from './wire/words.ts';

/** Events read between two blocks of a walk, so that the walk goes on in a flood. */
const EVENTS_PER_BLOCK = 2_000;
/** After a walk the next waits this many times as long as it took, so that a flood cannot make this thread walk for ever. */
const REST_PER_WALK = 4;

if (!parentPort) throw new Error('event-worker.ts runs as a worker thread of events.ts');
const port = parentPort;
const { memory, receiveBuffer, withChanges, withLive } = workerData as EventOptions & { memory: SharedArrayBuffer };
const counts = new EventCounts(memory);
const live = withLive ? new LiveSet() : undefined;
const entry = new Columns(1);
const reader = new RowReader(entry);
const block = new Block(new Uint8Array(65_536));

/**
 * The thread that hears the kernel's events: it does nothing else, so that a walk of 2.5 s elsewhere never delays it. Delivery is never made
 * reliable (NETLINK_BROADCAST_ERROR): the kernel would then drop packets of customers whose event does not fit.
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

/** Walks the table and listens meanwhile. */
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
  if (live.finish()) counts.add('heals');
  publish();
}

/** One read; false if nothing came within the time of a read. */
function hear(socket: NetlinkSocket): boolean {
  let length: number | undefined;
  try {
    length = socket.receive(block.bytes);
  } catch (error) {
    if (!(error instanceof NetlinkError) || error.code !== 'ENOBUFS') throw error;
    counts.add('overflows');
    live?.lost();
    return true;
  }
  if (length === undefined) return false;
  const messages = block.bytes.subarray(0, length);
  for (let at = 0; at < length;) {
    const end = at + messageLength(messages, at);
    count(at, end);
    at += align4(end - at);
  }
  return true;
}

function count(at: number, end: number): void {
  const type = hostU16(block.bytes, at + 4);
  if (type === CT_DELETE) {
    counts.add('ended');
    if (isOwnPort(hostU32(block.bytes, at + 12))) counts.add('endedByUs');
  } else if (type === CT_NEW) {
    // The groups of new entries and of changes share a type; only the flag tells them apart.
    counts.add(hostU16(block.bytes, at + 6) & NLM_F_CREATE ? 'born' : 'changed');
  }
  if (!live) return;
  const name = nameOf(block, at + NLMSG_HEADER_LENGTH, end);
  if (type === CT_DELETE) live.ended(name);
  else live.born(name);
}

function publish(): void {
  if (!live) return;
  counts.set('live', live.size);
  counts.set('isLive', live.isExact ? 1 : 0);
}

/**
 * 53 bits that name an entry: its id, unique only together with its tuple (119 collisions in a million were seen), and 21 bits of a hash
 * of the tuple. Two of a million entries share a name with a probability below 1 in 10,000; the set then counts one too few.
 */
function nameOf(from: Block, start: number, end: number): number {
  entry.clear(1);
  reader.append(from, start, end);
  return entry.common.id[0]! * 0x20_0000 + (tupleHash(entry, 0) >>> 11);
}

function say(message: FromEventWorker): void {
  port.postMessage(message);
}
