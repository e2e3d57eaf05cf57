import koffi from 'koffi';
import { parseAddress } from '../../../proto/model/address.ts';

const AF_INET = 2;
const AF_INET6 = 10;
const SOCK_RAW = 3;
const libc = koffi.load(null);
const socket = libc.func('int socket(int, int, int)');
const bind = libc.func('int bind(int, const void*, int)');
const sendto = libc.func('long sendto(int, const void*, size_t, int, const void*, int)');
const close = libc.func('int close(int)');

/** Sends one packet of any protocol from an address of this host. Needs CAP_NET_RAW. */
export function sendRaw(proto: number, from: string, to: string, payload: Uint8Array): void {
  const fd = socket(from.includes(':') ? AF_INET6 : AF_INET, SOCK_RAW, proto);
  if (fd < 0) throw new Error(`no raw socket for protocol ${proto}`);
  try {
    const [source, target] = [socketAddress(from), socketAddress(to)];
    if (bind(fd, source, source.length) < 0) throw new Error(`cannot send from ${from}`);
    sendto(fd, Buffer.from(payload), payload.length, 0, target, target.length);
  } finally {
    close(fd);
  }
}

/** An ICMP echo request with its checksum. */
export function echoRequest(id: number, sequence: number): Buffer {
  const packet = Buffer.alloc(16);
  packet[0] = 8;
  packet.writeUInt16BE(id, 4);
  packet.writeUInt16BE(sequence, 6);
  packet.writeUInt16BE(checksum(packet), 2);
  return packet;
}

/** GRE: version 0 carrying IPv4, or version 1 (PPTP) with a call id. */
export function grePacket(callId?: number): Buffer {
  const packet = Buffer.alloc(callId === undefined ? 24 : 12);
  if (callId === undefined) packet.writeUInt16BE(0x0800, 2);
  else {
    packet.writeUInt16BE(0x3001, 0);
    packet.writeUInt16BE(0x880b, 2);
    packet.writeUInt16BE(0, 4);
    packet.writeUInt16BE(callId, 6);
  }
  return packet;
}

/** ESP: security parameters index and sequence, then bytes. */
export function espPacket(spi: number): Buffer {
  const packet = Buffer.alloc(32);
  packet.writeUInt32BE(spi, 0);
  packet.writeUInt32BE(1, 4);
  return packet;
}

/** A TCP SYN with its checksum, which covers the addresses too. */
export function synPacket(from: string, to: string, sport: number, dport: number): Buffer {
  const packet = Buffer.alloc(20);
  packet.writeUInt16BE(sport, 0);
  packet.writeUInt16BE(dport, 2);
  packet.writeUInt32BE(1, 4);
  packet[12] = 5 << 4;
  packet[13] = 2;
  packet.writeUInt16BE(1024, 14);
  const pseudo = Buffer.from([...from.split('.').map(Number), ...to.split('.').map(Number), 0, 6, 0, packet.length]);
  packet.writeUInt16BE(checksum(Buffer.concat([pseudo, packet])), 16);
  return packet;
}

/** The Internet checksum (RFC 1071) of an even number of bytes. */
function checksum(bytes: Buffer): number {
  let sum = 0;
  for (let offset = 0; offset < bytes.length; offset += 2) sum += bytes.readUInt16BE(offset);
  sum = (sum & 0xffff) + (sum >> 16);
  return ~(sum + (sum >> 16)) & 0xffff;
}

function socketAddress(address: string): Buffer {
  return address.includes(':') ? socketAddress6(address) : socketAddress4(address);
}

function socketAddress6(address: string): Buffer {
  const bytes = Buffer.alloc(28);
  bytes.writeUInt16LE(AF_INET6, 0);
  bytes.set(parseAddress(address)!, 8);
  return bytes;
}

function socketAddress4(address: string): Buffer {
  const bytes = Buffer.alloc(16);
  bytes.writeUInt16LE(AF_INET, 0);
  bytes.set(address.split('.').map(Number), 4);
  return bytes;
}
