import { readFileSync } from 'node:fs';
import { DecodeError } from '../../netlink/attributes.ts';
import { NETLINK_NETFILTER } from '../../netlink/constants.ts';
import { readDump } from '../../netlink/dump.ts';
import { NetlinkError, NetlinkSocket } from '../../netlink/socket.ts';
import { readTimeouts } from '../proc/timeout-files.ts';
import { TimeoutHistory, type TimeoutObject, type TimeoutReading } from './timeout-history.ts';
import type { TimeoutSource } from './idle.ts';
import { ALL_OBJECTS, ALL_POLICIES, decodeObject, decodePolicy, NFT_GETOBJ, TIMEOUT_GET } from './timeout-object.ts';

/** Values may be changed by a policy or by hand at any time; a walk uses values at most this old. */
const MAX_AGE_MS = 3_000;
/** The kernel lacks the subsystem, so there are no such objects. */
const NOT_THERE = new Set(['EINVAL', 'ENOPROTOOPT', 'EPROTONOSUPPORT', 'EOPNOTSUPP', 'ENOENT']);

/** The timeouts of this network namespace. `isSynced`: conntrackd runs here, so entries may come from another gateway. */
export interface TimeoutFacts {
  sources: readonly TimeoutSource[];
  isSynced: boolean;
}

/** Timeouts and what else may set them, read from the kernel again after a few seconds. */
export function recentTimeouts(
  clock: () => number,
  read: () => TimeoutReading = readReading,
  isSynced: () => boolean = hasConntrackd,
): () => TimeoutFacts {
  const history = new TimeoutHistory();
  let facts: TimeoutFacts | undefined;
  let readAtMs = 0;
  return () => {
    const now = clock();
    if (!facts || now - readAtMs > MAX_AGE_MS || now < readAtMs) {
      history.note(read(), now);
      [facts, readAtMs] = [{ sources: history.sources, isSynced: isSynced() }, now];
    }
    return facts;
  };
}

function readReading(): TimeoutReading {
  return { sysctls: readTimeouts(), objects: readObjects() };
}

/** `ct timeout` objects of nf_tables and policies of nfnetlink_cttimeout; undefined if the kernel does not list them. */
function readObjects(): TimeoutObject[] | undefined {
  try {
    return [...dumped(NFT_GETOBJ, ALL_OBJECTS, decodeObject), ...dumped(TIMEOUT_GET, ALL_POLICIES, decodePolicy)];
  } catch (error) {
    if (error instanceof NetlinkError || error instanceof DecodeError) return undefined;
    throw error;
  }
}

function dumped(type: number, body: Uint8Array, decode: (body: Uint8Array) => TimeoutObject | undefined): TimeoutObject[] {
  const socket = new NetlinkSocket(NETLINK_NETFILTER, { receiveBuffer: 1 << 20, sendBuffer: 1 << 14 });
  try {
    return readDump(socket, { type, body, doing: 'cannot list timeouts of rules' }, decode).filter((object) => object !== undefined);
  } catch (error) {
    if (error instanceof NetlinkError && NOT_THERE.has(error.code)) return [];
    throw error;
  } finally {
    socket.close();
  }
}

/** Looks for conntrackd's command socket; the file lists the sockets of this network namespace. */
function hasConntrackd(): boolean {
  try {
    return readFileSync('/proc/net/unix', 'utf8').includes('conntrackd');
  } catch {
    return false;
  }
}
