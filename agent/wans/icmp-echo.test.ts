import { expect, test } from 'vitest';
import { decodeEchoReply, encodeEcho } from './icmp-echo.ts';

/** The other end's reply to a request; for IPv4 behind an IP header with one option. */
function replyTo(request: Uint8Array, isV6: boolean): Uint8Array {
  const reply = request.slice();
  reply[0] = isV6 ? 129 : 0;
  if (isV6) return reply;
  const packet = new Uint8Array(24 + reply.length);
  packet[0] = 0x46;
  packet.set(reply, 24);
  return packet;
}

test.each([false, true])('an answer has the id and sequence of its request; IPv6 %s', (isV6) => {
  expect(decodeEchoReply(isV6, replyTo(encodeEcho(isV6, 0xbeef, 7), isV6))).toEqual({ id: 0xbeef, sequence: 7 });
});

test('a request has a checksum that adds up', () => {
  const view = new DataView(encodeEcho(false, 0xffff, 0xffff).buffer);
  let sum = 0;
  for (let at = 0; at < view.byteLength; at += 2) sum += view.getUint16(at);
  expect(((sum & 0xffff) + (sum >>> 16)) & 0xffff).toBe(0xffff);
});

test('requests and truncated packets are not answers', () => {
  expect(decodeEchoReply(true, encodeEcho(true, 1, 1))).toBeUndefined();
  expect(decodeEchoReply(true, Uint8Array.of(129, 0, 0, 0))).toBeUndefined();
  expect(decodeEchoReply(false, new Uint8Array(0))).toBeUndefined();
});
