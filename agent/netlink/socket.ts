import { close, closeSync, readSync, writeSync } from 'node:fs';
import { getSystemErrorName } from 'node:util';
import koffi from 'koffi';
import { setHostU16, setHostU32 } from './attributes.ts';
import {
  AF_NETLINK,
  HOST_IS_LITTLE_ENDIAN,
  NETLINK_ADD_MEMBERSHIP,
  NETLINK_CAP_ACK,
  NETLINK_EXT_ACK,
  NETLINK_GET_STRICT_CHK,
  SOCK_CLOEXEC,
  SOCK_RAW,
  SOL_NETLINK,
  SOL_SOCKET,
  SO_RCVBUFFORCE,
  SO_RCVTIMEO,
  SO_SNDBUFFORCE,
} from './constants.ts';

/**
 * A worker blocked in readSync without a timeout cannot be stopped: terminate() never resolves and process.exit() hangs. So every read
 * returns after this long, with or without data.
 */
export const RECEIVE_TIMEOUT_MS = 200;

const EADDRINUSE = 98;
const POLLIN = 1;

/** The kernel refused; `errno` is positive, `code` its name. */
export class NetlinkError extends Error {
  readonly errno: number;
  readonly code: string;

  constructor(doing: string, errno: number, reason?: string) {
    const code = errorName(errno);
    super(`${doing}: ${code}${reason ? ` (${reason})` : ''}`);
    this.name = 'NetlinkError';
    this.errno = errno;
    this.code = code;
  }
}

// null is the C library already loaded into the process, with glibc and musl alike.
const libc = koffi.load(null);
const socket = libc.func('int socket(int, int, int)');
const bind = libc.func('int bind(int, const void *, unsigned int)');
const poll = libc.func('int poll(const void *, unsigned long, int)');
const setsockopt = libc.func('int setsockopt(int, int, int, const void *, unsigned int)');

/**
 * Port ids of this process's sockets. The kernel itself assigns process ids (below 2^22) and negative numbers, so bit 30 with a process id
 * and a slot below it belongs to nobody else; and a message caused by one of our requests is recognised by the port id in its header.
 */
const OWN_PORTS = (0x4000_0000 | (process.pid << 8)) >>> 0;
const SLOTS = 256;
let lastSlot = 0;

/** True if the port id in the header of an event belongs to a socket of this process, in whatever thread. */
export function isOwnPort(portId: number): boolean {
  return (portId & ~(SLOTS - 1)) >>> 0 === OWN_PORTS;
}

/** An AF_NETLINK socket in the network namespace of the process. Once open, it is read and written like any descriptor. */
export class NetlinkSocket {
  #fd: number;
  #seq = 0;

  /**
   * @param receiveBuffer bytes; the kernel doubles it. A full buffer loses replies and events (ENOBUFS).
   * @param groups multicast groups to join
   * @param isStrict dumps are limited to what their request names (Linux 4.20; older kernels dump more)
   * Throws NetlinkError (EPERM, EPROTONOSUPPORT, EMFILE …).
   */
  constructor(
    protocol: number,
    {
      receiveBuffer,
      sendBuffer,
      groups = [],
      isStrict = false,
    }: { receiveBuffer: number; sendBuffer: number; groups?: number[]; isStrict?: boolean },
  ) {
    this.#fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, protocol) as number;
    if (this.#fd < 0) throw new NetlinkError('cannot open a netlink socket', koffi.errno());
    try {
      this.#bind();
      this.#limitReceiveTime();
      // Both may be refused without CAP_NET_ADMIN; the default sizes then have to do.
      this.#option(SOL_SOCKET, SO_RCVBUFFORCE, receiveBuffer);
      this.#option(SOL_SOCKET, SO_SNDBUFFORCE, sendBuffer);
      this.#option(SOL_NETLINK, NETLINK_CAP_ACK, 1);
      this.#option(SOL_NETLINK, NETLINK_EXT_ACK, 1);
      if (isStrict) this.#option(SOL_NETLINK, NETLINK_GET_STRICT_CHK, 1);
      for (const group of groups)
        if (!this.#option(SOL_NETLINK, NETLINK_ADD_MEMBERSHIP, group))
          throw new NetlinkError(`cannot join multicast group ${group}`, koffi.errno());
    } catch (error) {
      this.close();
      throw error;
    }
  }

  /** The next sequence number for a request; its replies carry it. */
  nextSeq(): number {
    this.#seq = (this.#seq + 1) >>> 0;
    return this.#seq;
  }

  /** Sends whole messages at once. Throws NetlinkError. */
  send(messages: Uint8Array): void {
    try {
      writeSync(this.#fd, messages);
    } catch (error) {
      throw netlinkError('cannot send to the kernel', error);
    }
  }

  /**
   * Reads one block of messages into `into`. Returns the number of bytes, or undefined if none came within RECEIVE_TIMEOUT_MS. Throws
   * NetlinkError; ENOBUFS means that replies were lost.
   */
  receive(into: Uint8Array): number | undefined {
    try {
      return readSync(this.#fd, into, 0, into.length, null);
    } catch (error) {
      const failure = netlinkError('cannot receive from the kernel', error);
      if (failure.code === 'EAGAIN') return undefined;
      throw failure;
    }
  }

  /** True if a read would not block. */
  hasMessages(): boolean {
    const waited = new Uint8Array(8); // struct pollfd: int fd, short events, short revents
    setHostU32(waited, 0, this.#fd);
    setHostU16(waited, 4, POLLIN);
    return poll(waited, 1, 0) > 0;
  }

  close(): void {
    if (this.#fd < 0) return;
    closeSync(this.#fd);
    this.#fd = -1;
  }

  /** Off this thread: after a change of nf_tables the kernel frees what it has replaced before a close returns, and waits for that. */
  closeLater(): void {
    if (this.#fd < 0) return;
    close(this.#fd, () => undefined);
    this.#fd = -1;
  }

  /** A slot may be taken by a socket of another thread, or by a process with the same id in another container. */
  #bind(): void {
    const address = new Uint8Array(12); // sockaddr_nl without groups
    setHostU16(address, 0, AF_NETLINK);
    for (let attempt = 0; attempt < SLOTS; attempt++) {
      lastSlot = (lastSlot + 1) % SLOTS;
      setHostU32(address, 4, OWN_PORTS | lastSlot);
      if (bind(this.#fd, address, address.length) === 0) return;
      if (koffi.errno() !== EADDRINUSE) break;
    }
    throw new NetlinkError('cannot bind a netlink socket', koffi.errno());
  }

  #limitReceiveTime(): void {
    // struct timeval has two longs, of 4 or 8 bytes.
    const width = koffi.sizeof('long');
    const timeval = new Uint8Array(2 * width);
    setHostU32(timeval, HOST_IS_LITTLE_ENDIAN ? width : 2 * width - 4, RECEIVE_TIMEOUT_MS * 1000);
    if (setsockopt(this.#fd, SOL_SOCKET, SO_RCVTIMEO, timeval, timeval.length) !== 0)
      throw new NetlinkError('cannot set the receive timeout', koffi.errno());
  }

  #option(level: number, name: number, value: number): boolean {
    const bytes = new Uint8Array(4);
    setHostU32(bytes, 0, value);
    return setsockopt(this.#fd, level, name, bytes, bytes.length) === 0;
  }
}

function netlinkError(doing: string, error: unknown): NetlinkError {
  const errno = error instanceof Error && 'errno' in error && typeof error.errno === 'number' ? -error.errno : 0;
  if (errno === 0) throw error;
  return new NetlinkError(doing, errno);
}

function errorName(errno: number): string {
  try {
    return getSystemErrorName(-errno);
  } catch {
    return `errno ${errno}`;
  }
}
