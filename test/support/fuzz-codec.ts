import { readFileSync } from 'node:fs';
import { decodeEntry } from '../../agent/conntrack/wire/entry.ts';
import { Columns } from '../../agent/conntrack/rows/columns.ts';
import { RowReader } from '../../agent/conntrack/rows/read-entry.ts';
import { decodeExpectation } from '../../agent/conntrack/wire/expectation.ts';
import { Block } from '../../agent/conntrack/rows/block.ts';
import { decodeCpuStats } from '../../agent/conntrack/wire/stats.ts';
import { decodeTranslation } from '../../agent/conntrack/wire/translation.ts';
import { CT_NEW, CTA_NAT_DST, CTA_NAT_SRC, EXP_NEW } from '../../agent/conntrack/wire/constants.ts';
import { AttributeReader, DecodeError } from '../../agent/netlink/attributes.ts';
import { NLMSG_DONE, NLMSG_ERROR, NLM_F_ACK_TLVS } from '../../agent/netlink/constants.ts';
import { encodeMessage, readMessages, readVerdict } from '../../agent/netlink/message.ts';
import { IPS } from '../../proto/model/status.ts';
import { encodeCreate } from '../../agent/conntrack/wire/requests.ts';
import { collectGarbage } from './collect-garbage.ts';
import { SAMPLE_ENTRIES } from './sample-entries.ts';
import { Mutator } from './mutations.ts';

export interface FuzzReport {
  count: number;
  decoded: number;
  refused: number;
  heapGrowthBytes: number;
  slowestMs: number;
}

const NFGENMSG_BYTES = 4;
/** Rows of one table before the next begins. */
const KEPT_ROWS = 1024;
const MAX_DEPTH = 8;
/** The heap is compared after this many, when everything is compiled and warm. */
const WARM = 50_000;

/** Every decoder of what a kernel sends. Each returns, or throws DecodeError. */
const DECODERS: readonly ((bytes: Uint8Array) => unknown)[] = [
  decodeEntry,
  rows(),
  everyAttribute,
  decodeCpuStats,
  decodeExpectation,
  translations,
  messages,
];

/**
 * Gives damaged messages and attribute trees to the decoders in turn. Throws an error that contains the bytes at the first that is neither
 * decoded nor refused with DecodeError, or that takes longer than `mostMs`.
 */
export function fuzzCodec({
  count,
  seed,
  mostMs = 1000,
  onProgress,
}: {
  count: number;
  seed: number;
  mostMs?: number;
  onProgress?: (done: number) => void;
}): FuzzReport {
  const bodies = recordedBodies('entries');
  const expectations = recordedBodies('expectations');
  const blocks = [
    ...bodies.map((body) => encodeMessage({ type: CT_NEW, flags: 2, seq: 1, body })),
    ...expectations.map((body) => encodeMessage({ type: EXP_NEW, flags: 2, seq: 1, body })),
    ...verdicts(),
  ];
  const [ofBodies, ofBlocks] = [new Mutator([...bodies, ...expectations, ...translated()], seed), new Mutator(blocks, seed + 1)];
  const report: FuzzReport = { count, decoded: 0, refused: 0, heapGrowthBytes: 0, slowestMs: 0 };
  let heapBefore = 0;
  // Otherwise most of the time of a refusal would go into its stack.
  const { stackTraceLimit } = Error;
  Error.stackTraceLimit = 0;
  try {
    for (let done = 0; done < count; done++) {
      if (done === WARM) heapBefore = heapUsed();
      const decode = DECODERS[done % DECODERS.length]!;
      const bytes = decode === messages ? ofBlocks.mutated() : done % 3 === 0 ? ofBodies.tree(NFGENMSG_BYTES) : ofBodies.mutated();
      const beganMs = performance.now();
      try {
        decode(bytes);
        report.decoded++;
      } catch (error) {
        if (!(error instanceof DecodeError))
          throw new Error(`seed ${seed}, number ${done}: ${(error as Error).message}: ${Buffer.from(bytes).toString('hex')}`, {
            cause: error,
          });
        report.refused++;
      }
      const tookMs = performance.now() - beganMs;
      if (tookMs > report.slowestMs) report.slowestMs = tookMs;
      // A busy machine may take this long once, but not twice for the same bytes.
      if (tookMs > mostMs && tookAgainMs(decode, bytes) > mostMs)
        throw new Error(`seed ${seed}, number ${done} took ${tookMs.toFixed(0)} ms: ${Buffer.from(bytes).toString('hex')}`);
      if (done % 100_000 === 0) onProgress?.(done);
    }
  } finally {
    Error.stackTraceLimit = stackTraceLimit;
  }
  if (count > WARM) report.heapGrowthBytes = heapUsed() - heapBefore;
  return report;
}

function tookAgainMs(decode: (bytes: Uint8Array) => unknown, bytes: Uint8Array): number {
  const beganMs = performance.now();
  try {
    decode(bytes);
  } catch {
    // It is known to be refused.
  }
  return performance.now() - beganMs;
}

function recordedBodies(kind: 'entries' | 'expectations'): Uint8Array[] {
  const recorded = JSON.parse(readFileSync(new URL(`../fixtures/netlink/${kind}-6.18.json`, import.meta.url), 'utf8')) as {
    body: string;
  }[];
  return recorded.map(({ body }) => Uint8Array.from(Buffer.from(body, 'hex')));
}

/** Requests that carry translations, which no kernel sends. */
function translated(): Uint8Array[] {
  return SAMPLE_ENTRIES.filter(({ status }) => status & (IPS.SRC_NAT | IPS.DST_NAT)).map(encodeCreate);
}

/** An acknowledgement, a refusal with a sentence, and the end of a dump. */
function verdicts(): Uint8Array[] {
  const sentence = Buffer.from('\x10\0\x01\0wrong value\0', 'latin1');
  return [
    encodeMessage({ type: NLMSG_ERROR, flags: 0, seq: 1, body: new Uint8Array(20) }),
    encodeMessage({ type: NLMSG_ERROR, flags: NLM_F_ACK_TLVS, seq: 1, body: Buffer.concat([Buffer.alloc(20, 0xfe), sentence]) }),
    encodeMessage({ type: NLMSG_DONE, flags: 2, seq: 1, body: new Uint8Array(4) }),
  ];
}

function rows(): (bytes: Uint8Array) => void {
  const columns = new Columns(KEPT_ROWS);
  const reader = new RowReader(columns);
  return (bytes) => {
    if (columns.count === KEPT_ROWS) columns.clear(KEPT_ROWS);
    reader.append(new Block(bytes), 0, bytes.length);
  };
}

/** Walks all attributes as if each were nested; the contents of one that is not may be refused, and the walk continues after it. */
function everyAttribute(bytes: Uint8Array): void {
  const walk = (reader: AttributeReader, depth: number): void => {
    while (reader.next()) {
      reader.text();
      if (depth === MAX_DEPTH) continue;
      try {
        walk(reader.nested(), depth + 1);
      } catch (error) {
        if (!(error instanceof DecodeError)) throw error;
      }
    }
  };
  walk(new AttributeReader(bytes.subarray(NFGENMSG_BYTES)), 0);
}

function translations(bytes: Uint8Array): void {
  const reader = new AttributeReader(bytes.subarray(NFGENMSG_BYTES));
  while (reader.next()) if (reader.type === CTA_NAT_SRC || reader.type === CTA_NAT_DST) decodeTranslation(reader.nested(), reader.place);
}

function messages(block: Uint8Array): void {
  for (const message of readMessages(block)) {
    if (message.type === NLMSG_ERROR || message.type === NLMSG_DONE) readVerdict(message);
    else if (message.type === EXP_NEW) decodeExpectation(message.body);
    else decodeEntry(message.body);
  }
}

function heapUsed(): number {
  collectGarbage();
  return process.memoryUsage().heapUsed;
}
