const ECHO = { request4: 8, reply4: 0, request6: 128, reply6: 129 } as const;
const HEADER = 8;
const PAYLOAD = 8;

/** An ICMP echo request; for IPv6 the kernel adds the checksum. */
export function encodeEcho(isV6: boolean, id: number, sequence: number): Uint8Array {
  const packet = new Uint8Array(HEADER + PAYLOAD);
  const view = new DataView(packet.buffer);
  packet[0] = isV6 ? ECHO.request6 : ECHO.request4;
  view.setUint16(4, id);
  view.setUint16(6, sequence);
  if (!isV6) view.setUint16(2, checksum(view));
  return packet;
}

/** The id and sequence of an echo reply as a raw socket delivers it: for IPv4 with the IP header. Undefined for any other packet. */
export function decodeEchoReply(isV6: boolean, packet: Uint8Array): { id: number; sequence: number } | undefined {
  const start = isV6 ? 0 : (packet[0]! & 0xf) * 4;
  if (packet.length < start + HEADER || packet[start] !== (isV6 ? ECHO.reply6 : ECHO.reply4)) return undefined;
  const view = new DataView(packet.buffer, packet.byteOffset + start);
  return { id: view.getUint16(4), sequence: view.getUint16(6) };
}

function checksum(view: DataView): number {
  let sum = 0;
  for (let at = 0; at < view.byteLength; at += 2) sum += view.getUint16(at);
  while (sum > 0xffff) sum = (sum & 0xffff) + (sum >>> 16);
  return ~sum & 0xffff;
}
