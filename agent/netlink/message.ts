import { AttributeReader, DecodeError, hostU16, hostU32, setHostU16, setHostU32 } from './attributes.ts';
import { NLMSGERR_ATTR_MSG, NLMSG_DONE, NLMSG_ERROR, NLMSG_HEADER_LENGTH, NLM_F_ACK_TLVS, align4 } from './constants.ts';

/** One message of a block: its header, and its body as a view of the block. */
export interface Message {
  type: number;
  flags: number;
  seq: number;
  body: Uint8Array;
}

/** Writes a message to `out` at `at`, which must be a message boundary; `body` follows the header unchanged. Returns the new length. */
export function writeMessage(out: Uint8Array, at: number, { type, flags, seq, body }: Message): number {
  setHostU32(out, at, NLMSG_HEADER_LENGTH + body.length);
  setHostU16(out, at + 4, type);
  setHostU16(out, at + 6, flags);
  setHostU32(out, at + 8, seq);
  setHostU32(out, at + 12, 0); // the kernel fills in the port
  out.set(body, at + NLMSG_HEADER_LENGTH);
  return at + align4(NLMSG_HEADER_LENGTH + body.length);
}

/** The bytes of a single message. */
export function encodeMessage(message: Message): Uint8Array {
  const out = new Uint8Array(align4(NLMSG_HEADER_LENGTH + message.body.length));
  writeMessage(out, 0, message);
  return out;
}

/** The messages of a block. Throws DecodeError if a length does not fit. */
export function* readMessages(block: Uint8Array): Generator<Message> {
  let at = 0;
  while (at < block.length) {
    const length = messageLength(block, at);
    yield {
      type: hostU16(block, at + 4),
      flags: hostU16(block, at + 6),
      seq: hostU32(block, at + 8),
      body: block.subarray(at + NLMSG_HEADER_LENGTH, at + length),
    };
    at += align4(length);
  }
}

/** Length of the message at an offset, header included, checked against the block's end. */
export function messageLength(block: Uint8Array, at: number): number {
  if (block.length - at < NLMSG_HEADER_LENGTH) throw new DecodeError('', `${block.length - at} bytes left over, no message fits`);
  const length = hostU32(block, at);
  if (length < NLMSG_HEADER_LENGTH || length > block.length - at)
    throw new DecodeError('', `a message says it is ${length} bytes long, ${block.length - at} are there`);
  return length;
}

/** What an NLMSG_ERROR or NLMSG_DONE reports: 0 for success, else the positive errno, and the kernel's message if there is one. */
export interface Verdict {
  errno: number;
  reason?: string;
}

/** The verdict of an NLMSG_ERROR or NLMSG_DONE message. Throws DecodeError if it is too short. */
export function readVerdict({ type, flags, body }: Message): Verdict {
  if (type === NLMSG_DONE) return { errno: body.length >= 4 ? 0 - (hostU32(body, 0) | 0) : 0 };
  if (type !== NLMSG_ERROR || body.length < 4 + NLMSG_HEADER_LENGTH)
    throw new DecodeError('', `message ${type} of ${body.length} bytes is no verdict`);
  const verdict: Verdict = { errno: 0 - (hostU32(body, 0) | 0) };
  if (flags & NLM_F_ACK_TLVS) {
    // With NETLINK_CAP_ACK the request is echoed without its body, and the attributes follow its header directly.
    const attributes = new AttributeReader(body.subarray(4 + NLMSG_HEADER_LENGTH));
    while (attributes.next()) if (attributes.type === NLMSGERR_ATTR_MSG) verdict.reason = attributes.text();
  }
  return verdict;
}
