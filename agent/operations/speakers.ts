import type { Flow } from '../../proto/model/flow.ts';
import { PROTOCOLS } from '../../proto/model/protocol.ts';

/**
 * Which sides of a flow say something that the other waits for; `both` where that is not known. `stream`: the server speaks, and so often
 * that its client may have an acknowledgement under way at any moment.
 */
export type Speakers = 'client' | 'server' | 'stream' | 'both';

/** Headers of a TCP packet that carries nothing: IP, TCP, and its usual option of timestamps. */
const HEADERS = { 4: 20 + 32, 6: 40 + 32 };
/** Less than this in a packet on average, and a side only acknowledges: as much as the option that says what was lost (SACK). */
const LISTENS_BYTES = 16;
/**
 * Apart so far on average, and an acknowledgement is through before the next packet comes: a receiver waits with it for 200 ms at most
 * (TCP_DELACK_MAX).
 */
const APART_MS = 250;
/** A side of a UDP flow that sends one packet for so many of the other only listens. */
const LISTENS_SHARE = 20n;

/** Who has spoken so far, by what was counted: who only acknowledges, or hardly ever sends, listens. `nowMs`: milliseconds since 1970. */
export function speakers({ proto, family, origCounters: orig, replyCounters: reply, startedAtMs }: Flow, nowMs: number): Speakers {
  if (!orig || !reply) return 'both';
  if (proto === PROTOCOLS.tcp) {
    const isListening = ({ packets, bytes }: typeof orig): boolean =>
      packets > 0n && Number(bytes) / Number(packets) < HEADERS[family] + LISTENS_BYTES;
    const [client, server] = [isListening(orig), isListening(reply)];
    if (client === server) return 'both';
    if (!client) return 'client';
    return startedAtMs !== undefined && nowMs - startedAtMs > APART_MS * Number(reply.packets) ? 'server' : 'stream';
  }
  if (reply.packets === 0n || orig.packets > LISTENS_SHARE * reply.packets) return 'client';
  return reply.packets > LISTENS_SHARE * orig.packets ? 'server' : 'both';
}
