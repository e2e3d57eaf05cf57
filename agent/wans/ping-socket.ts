import { closeSync } from 'node:fs';
import { getSystemErrorName } from 'node:util';
import koffi from 'koffi';
import { parseAddress } from '../../proto/model/address.ts';
import { hostU16, setHostU16, setHostU32 } from '../netlink/attributes.ts';
import { SOCK_CLOEXEC, SOCK_RAW, SOL_SOCKET } from '../netlink/constants.ts';

const AF_INET = 2;
const AF_INET6 = 10;
const SOCK_NONBLOCK = 0o4000;
const IPPROTO_ICMP = 1;
const IPPROTO_ICMPV6 = 58;
const SO_BINDTODEVICE = 25;
const SOL_RAW = 255;
/** The same number for both families. */
const ICMP_FILTER = 1;

const libc = koffi.load(null);
const socket = libc.func('int socket(int, int, int)');
const bind = libc.func('int bind(int, const void *, unsigned int)');
const setsockopt = libc.func('int setsockopt(int, int, int, const void *, unsigned int)');
const recv = libc.func('long recv(int, void *, size_t, int)');
const sendto = libc.func('long sendto(int, const void *, size_t, int, const void *, unsigned int)');

export interface PingTarget {
  device: string;
  address: string;
  source?: string;
}

/** A raw ICMP socket that is bound to one interface and receives only echo replies. */
export class PingSocket {
  readonly isV6: boolean;
  readonly #fd: number;
  readonly #to: Uint8Array;
  readonly #block = new Uint8Array(2048);

  /** With a source, routing rules that match the WAN's address apply. Throws Error (EPERM without CAP_NET_RAW, ENODEV …). */
  constructor({ device, address, source }: PingTarget) {
    this.#to = socketAddress(address);
    this.isV6 = hostU16(this.#to, 0) === AF_INET6;
    this.#fd = socket(
      this.isV6 ? AF_INET6 : AF_INET,
      SOCK_RAW | SOCK_NONBLOCK | SOCK_CLOEXEC,
      this.isV6 ? IPPROTO_ICMPV6 : IPPROTO_ICMP,
    ) as number;
    if (this.#fd < 0) throw failure('cannot open a raw ICMP socket');
    const name = new TextEncoder().encode(`${device}\0`);
    if (setsockopt(this.#fd, SOL_SOCKET, SO_BINDTODEVICE, name, name.length) !== 0) {
      const error = failure(`cannot bind a socket to ${device}`);
      this.close();
      throw error;
    }
    const filter = this.isV6 ? onlyReplies6() : onlyReplies4();
    setsockopt(this.#fd, this.isV6 ? IPPROTO_ICMPV6 : SOL_RAW, ICMP_FILTER, filter, filter.length);
    // Best effort: the address may not be there yet.
    if (source !== undefined) bind(this.#fd, socketAddress(source), this.#to.length);
  }

  /** False if the packet could not be sent, as on a link that is down. */
  send(packet: Uint8Array): boolean {
    return (sendto(this.#fd, packet, packet.length, 0, this.#to, this.#to.length) as number) === packet.length;
  }

  /**
   * The packets received; each is valid until the next. Twenty times a second there are none, for which Node's own read would create an
   * error with a stack.
   */
  *received(): Generator<Uint8Array, void, void> {
    for (;;) {
      const length = recv(this.#fd, this.#block, this.#block.length, 0) as number;
      if (length < 0) return; // EAGAIN: nothing more; ENETDOWN and the like: nothing for now
      yield this.#block.subarray(0, length);
    }
  }

  close(): void {
    closeSync(this.#fd);
  }
}

/** struct sockaddr_in or sockaddr_in6. */
function socketAddress(text: string): Uint8Array {
  const address = parseAddress(text);
  if (!address) throw new TypeError(`${text} is not an address`);
  const bytes = new Uint8Array(address.length === 4 ? 16 : 28);
  setHostU16(bytes, 0, address.length === 4 ? AF_INET : AF_INET6);
  bytes.set(address, address.length === 4 ? 4 : 8);
  return bytes;
}

/** A set bit blocks a type: all but 0. */
function onlyReplies4(): Uint8Array {
  const mask = new Uint8Array(4);
  setHostU32(mask, 0, 0xffff_fffe);
  return mask;
}

/** The same, for all but 129. */
function onlyReplies6(): Uint8Array {
  const mask = new Uint8Array(32).fill(0xff);
  setHostU32(mask, (129 >> 5) * 4, ~(1 << (129 & 31)) >>> 0);
  return mask;
}

function failure(what: string): Error {
  const errno = koffi.errno();
  const code = getSystemErrorName(-errno);
  return new Error(code === 'EPERM' ? `${what}: give the agent CAP_NET_RAW` : `${what}: ${code}`);
}
