import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { arbitraryEntry } from '../../../test/support/arbitrary-entry.ts';
import { encodeEntry } from '../../../test/support/encode-entry.ts';
import { IPS } from '../../../proto/model/status.ts';
import { DecodeError } from '../../netlink/attributes.ts';
import { Columns, NO_TIMEOUT } from '../rows/columns.ts';
import { orAbsent } from '../query/compile-filter.ts';
import type { Surroundings } from '../stale/surroundings.ts';
import { Describer } from '../query/describe.ts';
import { labelTexts } from '../proc/labels.ts';
import { DEFAULT_TIMEOUTS } from '../proc/timeouts.ts';
import { WanNames } from '../rows/wan-names.ts';
import { decodeEntry, rareTrackerOf, type Entry } from './entry.ts';
import { TCP_FLAG } from './protoinfo.ts';
import { RowReader } from '../rows/read-entry.ts';
import { stateText } from './states.ts';
import { Block } from '../rows/block.ts';

/** Bodies as sent by a kernel, beside what was read by eye from the conntrack program's listing. */
const CORPUS = JSON.parse(readFileSync(new URL('../../../test/fixtures/netlink/entries-6.18.json', import.meta.url), 'utf8')) as {
  name: string;
  body: string;
  entry: Record<string, unknown>;
}[];

const PLAIN: Surroundings = {
  nowMs: 0,
  sources: [{ timeouts: DEFAULT_TIMEOUTS, fromMs: -Infinity, untilMs: Infinity }],
  isSynced: false,
  labels: new Map(),
  wans: new WanNames([]),
};

test.each(CORPUS)('$name is decoded as recorded', ({ body, entry }) => {
  expect(JSON.parse(JSON.stringify(decodeEntry(bytesOf(body)), toText))).toEqual(entry);
});

/** The use count of an entry is reported but not kept. */
const USERS = /08000b00.{8}/;

test.each(CORPUS)('$name is encoded as recorded', ({ body }) => {
  expect(
    Buffer.from(encodeEntry(decodeEntry(bytesOf(body))))
      .toString('hex')
      .replace(USERS, ''),
  ).toBe(body.replace(USERS, ''));
});

test('decoding reverses encoding', () => {
  fc.assert(
    fc.property(arbitraryEntry, (entry) => {
      expect(decodeEntry(encodeEntry(entry))).toEqual(entry);
    }),
    { numRuns: 1000 },
  );
});

test('an unknown attribute is skipped', () => {
  const body = bytesOf(CORPUS[0]!.body);
  const unknown = Uint8Array.of(8, 0, 0x7f, 0, 1, 2, 3, 4);
  expect(decodeEntry(Buffer.concat([body, unknown]))).toEqual(decodeEntry(body));
});

test('a wrong length names the attribute', () => {
  const body = bytesOf(CORPUS[0]!.body);
  expect(() => decodeEntry(Buffer.concat([body, Uint8Array.of(8, 0, 18, 0, 0, 0, 0, 1)]))).toThrow('CTA_ZONE: 4 bytes, wanted 2');
});

describe('a row of a walk', () => {
  test('agrees with the decoder', () => {
    fc.assert(
      fc.property(arbitraryEntry, (entry) => {
        const body = encodeEntry(entry);
        expect(viewed(body)).toEqual(summary(decodeEntry(body)));
      }),
      { numRuns: 1000 },
    );
  });

  test('keeps nothing of the previous row', () => {
    fc.assert(
      fc.property(arbitraryEntry, arbitraryEntry, (first, second) => {
        const columns = new Columns(1);
        const [before, body] = [encodeEntry(first), encodeEntry(second)];
        viewed(before, columns);
        expect(viewed(body, columns)).toEqual(summary(decodeEntry(body)));
      }),
      { numRuns: 500 },
    );
  });

  test('reads nothing beyond the end of an entry, whatever a previous block left there', () => {
    const attributeEnds = (body: Uint8Array): number[] => {
      const ends: number[] = [];
      for (let at = 4; at < body.length; ends.push(at)) at += (Buffer.from(body).readUInt16LE(at) + 3) & ~3;
      return ends;
    };
    for (const { body } of CORPUS) {
      const bytes = bytesOf(body);
      for (const end of attributeEnds(bytes)) {
        const columns = new Columns(1);
        viewed(bytes, columns);
        columns.dropLast();
        const cut = bytes.slice(0, end);
        let decoded: Entry | undefined;
        try {
          decoded = decodeEntry(cut);
        } catch {
          expect(() => new RowReader(columns).append(new Block(bytes), 0, end)).toThrow(DecodeError);
          continue;
        }
        expect(viewed(bytes, columns, end)).toEqual(summary(decoded));
      }
    }
  });

  test('damaged bytes are decoded or refused with DecodeError, and the row reader refuses nothing that was decoded', () => {
    fc.assert(
      fc.property(
        fc.constantFrom(...CORPUS),
        fc.array(fc.tuple(fc.nat(), fc.nat(255)), { minLength: 1, maxLength: 6 }),
        fc.nat(),
        ({ body }, changes, cut) => {
          const bytes = bytesOf(body);
          for (const [at, value] of changes) bytes[at % bytes.length] = value;
          const damaged = bytes.subarray(0, cut % 3 === 0 ? cut % bytes.length : bytes.length);
          let decoded: Entry | undefined;
          try {
            decoded = decodeEntry(damaged);
          } catch (error) {
            expect(error).toBeInstanceOf(DecodeError);
          }
          try {
            const seen = viewed(damaged);
            if (decoded) expect(seen).toEqual(summary(decoded));
          } catch (error) {
            expect(error).toBeInstanceOf(DecodeError);
            expect(decoded).toBeUndefined();
          }
        },
      ),
      { numRuns: 20_000 },
    );
  });

  test('random bytes are refused with DecodeError', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 300 }), (bytes) => {
        for (const read of [decodeEntry, viewed]) {
          try {
            read(bytes);
          } catch (error) {
            expect(error).toBeInstanceOf(DecodeError);
          }
        }
      }),
      { numRuns: 5000 },
    );
  });
});

/** A plain array: a Buffer would convert itself to JSON before `toText` sees it. */
function bytesOf(hex: string): Uint8Array {
  return Uint8Array.from(Buffer.from(hex, 'hex'));
}

/** The row of a body in the decoder's form, read back without the describer. */
function viewed(body: Uint8Array, columns = new Columns(1), end = body.length): object {
  new RowReader(columns).append(new Block(body), 0, end);
  const row = columns.count - 1;
  const { status, mark, timeout, state, tcpFlags, startedAtMs } = columns.common;
  const { orig, reply, ...flow } = new Describer(columns, PLAIN, [], () => undefined).flow(row);
  return {
    tracker: flow.tracker,
    family: flow.family,
    proto: flow.proto,
    id: flow.id,
    zone: flow.zone,
    status: status[row],
    mark: mark[row],
    orig,
    reply,
    timeout: timeout[row] === NO_TIMEOUT ? undefined : timeout[row],
    state: stateText(state[row]!),
    tcpFlags: tcpFlags[row],
    counters: [flow.origCounters, flow.replyCounters].map((one) => one && [Number(one.packets), Number(one.bytes)]),
    startedAtMs: orAbsent(startedAtMs[row]!),
    helper: flow.helper,
    labels: flow.labels,
    master: columns.masters.get(row),
  };
}

function summary(whole: Entry): object {
  const { orig, reply, origCounters, replyCounters, startedAtNs, labels, ...entry } = whole;
  const tcpFlags = (entry.tcpFlags?.orig ?? 0) | (entry.tcpFlags?.reply ?? 0);
  const scale = entry.windowScale ?? {};
  const windowScale = tcpFlags & TCP_FLAG.WINDOW_SCALE ? { orig: (scale.orig ?? 0) & 0xf, reply: (scale.reply ?? 0) & 0xf } : undefined;
  const rare = entry.status & IPS.SEQ_ADJUST || entry.proto === 132 || entry.proto === 33 ? rareTrackerOf(whole) : undefined;
  return {
    tracker: rare || windowScale ? { ...rare, ...(windowScale && { windowScale }) } : undefined,
    family: entry.family,
    proto: entry.proto,
    id: entry.id,
    zone: entry.zone,
    status: entry.status,
    mark: entry.mark,
    orig,
    reply,
    timeout: entry.timeoutSeconds === NO_TIMEOUT ? undefined : entry.timeoutSeconds,
    state: entry.state,
    tcpFlags,
    counters: [origCounters, replyCounters].map((one) => one && [Number(one.packets), Number(one.bytes)]),
    startedAtMs: startedAtNs === undefined ? undefined : Number(startedAtNs / 1_000_000n),
    helper: entry.helper,
    labels: labels ? labelTexts(labels, new Map()) : [],
    master: entry.master,
  };
}

function toText(_: string, value: unknown): unknown {
  if (typeof value === 'bigint') return value.toString();
  return value instanceof Uint8Array ? Buffer.from(value).toString('hex') : value;
}
