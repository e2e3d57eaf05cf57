import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { arbitraryEntry } from '../../../test/support/arbitrary-entry.ts';
import { encodeEntry } from '../../../test/support/encode-entry.ts';
import { DecodeError } from '../../netlink/attributes.ts';
import { decodeEntry, type Entry } from './entry.ts';
import { CTA_COUNTERS_BYTES, CTA_COUNTERS_PACKETS } from './constants.ts';
import { RawEntry } from './raw-entry.ts';
import { stateName } from './states.ts';

/** Bodies as a kernel sent them, with what was read by eye from the listing of the conntrack program beside. */
const CORPUS = JSON.parse(readFileSync(new URL('../../../test/fixtures/netlink/entries-6.18.json', import.meta.url), 'utf8')) as { name: string; body: string; entry: Record<string, unknown> }[];

test.each(CORPUS)('$name is decoded as recorded', ({ body, entry }) => {
  expect(JSON.parse(JSON.stringify(decodeEntry(bytesOf(body)), toText))).toEqual(entry);
});

test('what is encoded is decoded to the same', () => {
  fc.assert(fc.property(arbitraryEntry, (entry) => {
    expect(decodeEntry(encodeEntry(entry))).toEqual(entry);
  }), { numRuns: 1000 });
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

describe('the view of a walk', () => {
  test('says what the decoder says', () => {
    fc.assert(fc.property(arbitraryEntry, (entry) => {
      const body = encodeEntry(entry);
      expect(viewed(body)).toEqual(summary(decodeEntry(body)));
    }), { numRuns: 1000 });
  });

  test('keeps nothing of the entry before', () => {
    fc.assert(fc.property(arbitraryEntry, arbitraryEntry, (first, second) => {
      const raw = new RawEntry();
      const [before, body] = [encodeEntry(first), encodeEntry(second)];
      raw.read(before, 0, before.length);
      expect(viewed(body, raw)).toEqual(summary(decodeEntry(body)));
    }), { numRuns: 500 });
  });

  test('damaged bytes are decoded or refused with DecodeError, and the view refuses nothing that was decoded', () => {
    fc.assert(fc.property(fc.constantFrom(...CORPUS), fc.array(fc.tuple(fc.nat(), fc.nat(255)), { minLength: 1, maxLength: 6 }), fc.nat(), ({ body }, changes, cut) => {
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
    }), { numRuns: 20_000 });
  });

  test('random bytes are refused with DecodeError', () => {
    fc.assert(fc.property(fc.uint8Array({ maxLength: 300 }), (bytes) => {
      for (const read of [decodeEntry, viewed]) {
        try {
          read(bytes);
        } catch (error) {
          expect(error).toBeInstanceOf(DecodeError);
        }
      }
    }), { numRuns: 5000 });
  });
});

/** A plain array: a Buffer would turn itself into JSON before `toText` sees it. */
function bytesOf(hex: string): Uint8Array {
  return Uint8Array.from(Buffer.from(hex, 'hex'));
}

/** What both can say. */
function viewed(body: Uint8Array, raw = new RawEntry()): object {
  raw.read(body, 0, body.length);
  const absent = (value: number): number | undefined => (value < 0 || Number.isNaN(value) ? undefined : value);
  return {
    family: raw.family, proto: raw.proto, id: raw.id, status: raw.status, mark: raw.mark, zone: raw.zone, timeout: absent(raw.timeout),
    state: raw.state < 0 ? undefined : stateName(raw.stateKind, raw.state), tcpFlags: raw.tcpFlags,
    ports: [raw.orig.sport, raw.orig.dport, raw.reply.sport, raw.reply.dport].map(absent), zones: [absent(raw.orig.zone), absent(raw.reply.zone)],
    counters: (['orig', 'reply'] as const).map((direction) => (raw.hasCounters(direction) ? [raw.counter(direction, CTA_COUNTERS_PACKETS), raw.counter(direction, CTA_COUNTERS_BYTES)] : undefined)), startedAtMs: raw.startedAtMs(), helper: raw.helper(),
    labels: raw.labels < 0 ? undefined : [...raw.bytes.subarray(raw.labels, raw.labels + raw.labelsLength)],
  };
}

function summary({ orig, reply, origCounters, replyCounters, startedAtNs, labels, ...entry }: Entry): object {
  return {
    family: entry.family, proto: entry.proto, id: entry.id, status: entry.status, mark: entry.mark, zone: entry.zone, timeout: entry.timeoutSeconds,
    state: entry.state, tcpFlags: entry.tcpFlags ?? 0,
    ports: [orig.sport, orig.dport, reply.sport, reply.dport], zones: [orig.zone, reply.zone],
    counters: [origCounters, replyCounters].map((one) => one && [Number(one.packets), Number(one.bytes)]),
    startedAtMs: startedAtNs === undefined ? undefined : Number(startedAtNs / 1_000_000n), helper: entry.helper, labels: labels && [...labels],
  };
}

function toText(_: string, value: unknown): unknown {
  if (typeof value === 'bigint') return value.toString();
  return value instanceof Uint8Array ? Buffer.from(value).toString('hex') : value;
}
