import { z } from 'zod';
import { Flow as WireFlow } from '../../proto/gen/ctfleet/v1/flow.ts';
import { RefusedPackets as WireRefused } from '../../proto/gen/ctfleet/v1/operation.ts';
import type { RefusedPackets } from '../../proto/model/block/packets.ts';
import { fromWireRefused, toWireRefused } from '../../proto/wire/block.ts';
import type { Flow } from '../../proto/model/flow.ts';
import { fromWireFlow, toWireFlow } from '../../proto/wire/flow.ts';

/** What a plan's file begins with. */
export interface PlanHead {
  planId: string;
  expiresAtMs: number;
  /** What a block refuses beside its flows; absent for other ways to end them. */
  refused?: RefusedPackets;
}

/** Far above what a flow with all its parts takes; a length beyond it is damage. */
const MAX_FLOW_BYTES = 1 << 16;
/** What a block refuses has as many parts as a filter. */
const MAX_HEAD_BYTES = 1 << 19;
const LINE_END = 10;

const headSchema = z.object({ planId: z.string(), expiresAtMs: z.number(), refused: z.string().optional() });

/** The file's first line. */
export function formatHead({ planId, expiresAtMs, refused }: PlanHead): Buffer {
  const encoded = refused && Buffer.from(WireRefused.encode(toWireRefused(refused)).finish()).toString('base64');
  return Buffer.from(`${JSON.stringify({ planId, expiresAtMs, refused: encoded })}\n`);
}

/** A flow as it follows: its length in four bytes, then its message. */
export function formatFlow(flow: Flow): Buffer {
  const bytes = WireFlow.encode(toWireFlow(flow)).finish();
  const length = Buffer.alloc(4);
  length.writeUInt32BE(bytes.length);
  return Buffer.concat([length, bytes]);
}

/** Reads a plan's file as its bytes come; `flows` can be gone through once. Both throw for what is no plan, and what the chunks throw. */
export function readPlan(chunks: Iterable<Buffer>): PlanHead & { flows: Iterable<Flow> } {
  const source = new Source(chunks);
  const { refused, ...head } = headSchema.parse(JSON.parse(source.line(MAX_HEAD_BYTES).toString('utf8')));
  return {
    ...head,
    ...(refused !== undefined && { refused: fromWireRefused(WireRefused.decode(Buffer.from(refused, 'base64'))) }),
    flows: flowsOf(source),
  };
}

function* flowsOf(source: Source): Generator<Flow, void, void> {
  while (!source.isAtEnd()) {
    const length = source.take(4).readUInt32BE();
    if (length > MAX_FLOW_BYTES) throw new Error(`a flow of ${length} bytes is none`);
    yield fromWireFlow(WireFlow.decode(source.take(length)));
  }
}

/** Bytes that come in chunks, taken in pieces. */
class Source {
  readonly #chunks: Iterator<Buffer>;
  #rest: Buffer = Buffer.alloc(0);

  constructor(chunks: Iterable<Buffer>) {
    this.#chunks = chunks[Symbol.iterator]();
  }

  isAtEnd(): boolean {
    return this.#rest.length === 0 && !this.#more();
  }

  /** Throws where fewer are left. */
  take(length: number): Buffer {
    while (this.#rest.length < length) if (!this.#more()) throw new Error('the last flow is cut off');
    const taken = this.#rest.subarray(0, length);
    this.#rest = this.#rest.subarray(length);
    return taken;
  }

  /** Up to the end of a line, and past it. Throws for one that is longer. */
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
