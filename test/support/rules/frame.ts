/** A packet that a test sends, with everything its headers need. Addresses are bytes. */
export interface TestPacket {
  family: 4 | 6;
  proto: number;
  src: Uint8Array;
  dst: Uint8Array;
  sport?: number;
  dport?: number;
  icmpType?: number;
  tcpFlags?: number;
  /** Of TCP; absent: those of a first segment. */
  seq?: number;
  ack?: number;
  /** After the header of its transport; of an ICMP error, the packet that it is about. */
  payload?: Uint8Array;
  /** Of GRE version 1, as PPTP has it. */
  callId?: number;
  /** Its checksum is wrong. */
  isDamaged?: boolean;
}

const [ICMP, TCP, UDP, GRE, ICMPV6] = [1, 6, 17, 47, 58];
export const ICMP_ID = 77;

/** The packet as it is on the wire, from its network header on. */
export function encodePacket(packet: TestPacket): Uint8Array {
  const transport = transportOf(packet);
  const { family, proto, src, dst } = packet;
  const header = new Uint8Array(family === 4 ? 20 : 40);
  const view = new DataView(header.buffer);
  if (family === 4) {
    header[0] = 0x45;
    view.setUint16(2, header.length + transport.length);
    header[8] = 64;
    header[9] = proto;
    header.set(src, 12);
    header.set(dst, 16);
    view.setUint16(10, fold(sum(header)));
  } else {
    header[0] = 0x60;
    view.setUint16(4, transport.length);
    header[6] = proto;
    header[7] = 64;
    header.set(src, 8);
    header.set(dst, 24);
  }
  return Uint8Array.from([...header, ...transport]);
}

/** What can be read from a packet, from its network header on. */
export function decodePacket(bytes: Uint8Array): TestPacket {
  const family = bytes[0]! >> 4 === 4 ? 4 : 6;
  const proto = bytes[family === 4 ? 9 : 6]!;
  const [from, length] = family === 4 ? [12, 4] : [8, 16];
  const packet: TestPacket = { family, proto, src: bytes.slice(from, from + length), dst: bytes.slice(from + length, from + 2 * length) };
  const transport = bytes.subarray(family === 4 ? 20 : 40);
  const view = new DataView(transport.buffer, transport.byteOffset, transport.length);
  if ((proto === TCP || proto === UDP) && transport.length >= 4) [packet.sport, packet.dport] = [view.getUint16(0), view.getUint16(2)];
  if (proto === TCP && transport.length >= 14) packet.tcpFlags = transport[13];
  if ((proto === ICMP || proto === ICMPV6) && transport.length > 0) packet.icmpType = transport[0];
  return packet;
}

const NOTHING = new Uint8Array();
/** What UDP, ICMP and others carry unless a test says. */
const FILLING = new Uint8Array(4);

function transportOf(packet: TestPacket): Uint8Array {
  const { proto, src, dst, sport = 0, dport = 0, icmpType = 0, tcpFlags = 2, isDamaged = false } = packet;
  if (proto === GRE && packet.callId !== undefined) return pptpFrame(packet.callId, packet.payload ?? NOTHING);
  const payload = packet.payload ?? (proto === TCP ? NOTHING : FILLING);
  const header = proto === TCP ? 20 : proto === UDP || proto === ICMP || proto === ICMPV6 ? 8 : 12;
  const bytes = new Uint8Array(header + payload.length);
  bytes.set(payload, header);
  const view = new DataView(bytes.buffer);
  let checksumAt = -1;
  if (proto === TCP) {
    view.setUint16(0, sport);
    view.setUint16(2, dport);
    view.setUint32(4, packet.seq ?? 1000);
    if (tcpFlags & 0x10) view.setUint32(8, packet.ack ?? 1001);
    bytes[12] = 0x50;
    bytes[13] = tcpFlags;
    view.setUint16(14, 65_000);
    checksumAt = 16;
  } else if (proto === UDP) {
    view.setUint16(0, sport);
    view.setUint16(2, dport);
    view.setUint16(4, bytes.length);
    checksumAt = 6;
  } else if (proto === ICMP || proto === ICMPV6) {
    bytes[0] = icmpType;
    // Of an error these bytes are not used.
    if (packet.payload === undefined) view.setUint16(4, ICMP_ID);
    checksumAt = 2;
  }
  if (checksumAt < 0) return bytes;
  const pseudo = proto === ICMP ? 0 : sum(src) + sum(dst) + proto + bytes.length;
  const right = fold(pseudo + sum(bytes)) || (proto === UDP ? 0xffff : 0);
  view.setUint16(checksumAt, isDamaged ? right ^ 0x5555 : right);
  return bytes;
}

/** With key and sequence number (RFC 2637). */
function pptpFrame(callId: number, payload: Uint8Array): Uint8Array {
  const bytes = new Uint8Array(12 + payload.length);
  const view = new DataView(bytes.buffer);
  view.setUint16(0, 0x3001);
  view.setUint16(2, 0x880b);
  view.setUint16(4, payload.length);
  view.setUint16(6, callId);
  bytes.set(payload, 12);
  return bytes;
}

function sum(bytes: Uint8Array): number {
  let total = 0;
  for (let at = 0; at < bytes.length; at += 2) total += (bytes[at]! << 8) | (bytes[at + 1] ?? 0);
  return total;
}

function fold(total: number): number {
  let folded = total;
  while (folded > 0xffff) folded = (folded & 0xffff) + (folded >>> 16);
  return ~folded & 0xffff;
}
