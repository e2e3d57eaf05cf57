import { z } from 'zod';
import { Flow as WireFlow } from '../../proto/gen/ctfleet/v1/flow.ts';
import { RefusedPackets as WireRefused } from '../../proto/gen/ctfleet/v1/operation.ts';
import type { RefusedPackets } from '../../proto/model/block/packets.ts';
import { fromWireRefused, toWireRefused } from '../../proto/wire/block.ts';
import type { Flow } from '../../proto/model/flow.ts';
import { Encoder } from '../../proto/wire/encoder.ts';
import { fromWireFlow } from '../../proto/wire/flow.ts';

/** The first line of a plan's file. */
export interface PlanHead {
  planId: string;
  expiresAtMs: number;
  /** What a block refuses in addition to its flows; absent for other methods. */
  refused?: RefusedPackets;
}

/** Far above the size of a flow with all its parts; a greater length means damage. */
const MAX_FLOW_BYTES = 1 << 16;
/** What a block refuses can have as many parts as a filter. */
const MAX_HEAD_BYTES = 1 << 19;
const LINE_END = 10;
const LENGTH_BYTES = 4;
const encoder = new Encoder();

const headSchema = z.object({ planId: z.string(), expiresAtMs: z.number(), refused: z.string().optional() });

/** Formats the file's first line. */
export function formatHead({ planId, expiresAtMs, refused }: PlanHead): Buffer {
  const encoded = refused && Buffer.from(WireRefused.encode(toWireRefused(refused)).finish()).toString('base64');
  return Buffer.from(`${JSON.stringify({ planId, expiresAtMs, refused: encoded })}\n`);
}

/** Formats one flow: its length in four bytes, then its message. */
export function formatFlow(flow: WireFlow): Uint8Array {
  return encoder.encodeFramed(WireFlow, flow);
}

/**
 * Reads a plan's file as its bytes arrive; its flows can be iterated once, as messages or as flows. Both throw for bytes that are not a
 * plan, and what the chunks throw.
 */
export function readPlan(chunks: Iterable<Buffer>): PlanHead & { messages: Iterable<WireFlow>; flows: Iterable<Flow> } {
  const source = new Source(chunks);
  const { refused, ...head } = headSchema.parse(JSON.parse(source.line(MAX_HEAD_BYTES).toString('utf8')));
  return {
    ...head,
    ...(refused !== undefined && { refused: fromWireRefused(WireRefused.decode(Buffer.from(refused, 'base64'))) }),
    messages: messagesOf(source),
    flows: flowsOf(source),
  };
}

function* flowsOf(source: Source): Generator<Flow, void, void> {
  for (const message of messagesOf(source)) yield fromWireFlow(message);
}

function* messagesOf(source: Source): Generator<WireFlow, void, void> {
  while (!source.isAtEnd()) {
    const length = source.take(LENGTH_BYTES).readUInt32BE();
    if (length > MAX_FLOW_BYTES) throw new Error(`a flow of ${length} bytes is too long`);
    yield WireFlow.decode(source.take(length));
  }
}

/** Takes pieces from bytes that arrive in chunks. */
class Source {
  readonly #chunks: Iterator<Buffer>;
  #rest: Buffer = Buffer.alloc(0);

  constructor(chunks: Iterable<Buffer>) {
    this.#chunks = chunks[Symbol.iterator]();
  }

  isAtEnd(): boolean {
    return this.#rest.length === 0 && !this.#more();
  }

  /** Throws if fewer are left. */
  take(length: number): Buffer {
    while (this.#rest.length < length) if (!this.#more()) throw new Error('the last flow is truncated');
    const taken = this.#rest.subarray(0, length);
    this.#rest = this.#rest.subarray(length);
    return taken;
  }

  /** Takes a line and consumes its end. Throws for one that is longer. */
  line(maxBytes: number): Buffer {
    let end = this.#rest.indexOf(LINE_END);
    for (; end < 0; end = this.#rest.indexOf(LINE_END))
      if (this.#rest.length > maxBytes || !this.#more()) throw new Error('the first line has no end');
    return this.take(end + 1).subarray(0, -1);
  }

  #more(): boolean {
    const next = this.#chunks.next();
    if (next.done) return false;
    this.#rest = this.#rest.length === 0 ? next.value : Buffer.concat([this.#rest, next.value]);
    return next.value.length > 0;
  }
}
