import fc from 'fast-check';
import { expect, test } from 'vitest';
import { arbitraryEntry } from '../../../test/support/arbitrary-entry.ts';
import { IPS } from '../../../proto/model/status.ts';
import { AttributeReader, AttributeWriter } from '../../netlink/attributes.ts';
import {
  CTA_ID,
  CTA_NAT_SRC,
  CTA_PROTOINFO,
  CTA_STATUS,
  CTA_TUPLE_ORIG,
  CTA_TUPLE_REPLY,
  CTA_ZONE,
  PROTOINFO_NAMES,
  TUPLE_NAMES,
} from './constants.ts';
import { decodeProtoinfo, TCP_FLAG } from './protoinfo.ts';
import { encodeCreate, encodeDelete, encodeDump, encodeFlush, encodeLookup, type NewEntry } from './requests.ts';
import { decodeTranslation, encodeTranslation } from './translation.ts';
import { decodeTuple } from './tuple.ts';

const key = {
  family: 4 as const,
  proto: 17,
  orig: { src: '10.1.0.4', dst: '198.51.100.20', sport: 5060, dport: 5061 },
  zone: 7,
  id: 0xdeadbeef,
};
const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex');

test('a delete has exactly these bytes: family, original tuple, zone, id', () => {
  expect(hex(encodeDelete(key))).toBe(
    '02000000' +
      '34000180' +
      '14000180' +
      '080001000a010004' +
      '08000200c6336414' +
      '1c000280' +
      '0500010011000000' +
      '0600020013c40000' +
      '0600030013c50000' +
      '0600120000070000' +
      '08000c00deadbeef',
  );
});

test('a delete of any entry has its whole tuple and its id, so that the kernel cannot take it for a flush', () => {
  fc.assert(
    fc.property(arbitraryEntry, (entry) => {
      const found = attributesOf(encodeDelete(entry));
      expect(found.get(CTA_ID)!.u32()).toBe(entry.id);
      expect(decodeTuple(found.get(CTA_TUPLE_ORIG)!.nested(TUPLE_NAMES), entry.family, '')).toEqual({
        proto: entry.proto,
        tuple: entry.orig,
      });
      expect(found.get(CTA_ZONE)?.u16() ?? 0).toBe(entry.zone);
    }),
    { numRuns: 1000 },
  );
});

test('a key with an invalid address is refused before anything is sent', () => {
  expect(() => encodeDelete({ ...key, orig: { ...key.orig, src: '10.1.0.256' } })).toThrow('10.1.0.256 is not an address');
  expect(() => encodeDelete({ ...key, orig: { ...key.orig, dst: '' } })).toThrow(TypeError);
});

test('a dump names its family, a flush also sets the version that makes it count', () => {
  expect([encodeDump(), encodeDump({ family: 4 }), encodeDump({ family: 6 })].map(hex)).toEqual(['00000000', '02000000', '0a000000']);
  expect([encodeFlush({}), encodeFlush({ family: 6 })].map(hex)).toEqual(['00010000', '0a010000']);
  expect(hex(encodeLookup(key))).toBe(hex(encodeDelete(key).slice(0, -8)));
});

test('a translated entry is created from the plain inverse and the translation', () => {
  const found = attributesOf(
    encodeCreate({
      ...key,
      reply: { src: '198.51.100.20', dst: '198.18.0.12', sport: 5061, dport: 6000 },
      status: IPS.SRC_NAT | IPS.SRC_NAT_DONE | IPS.SEEN_REPLY,
      mark: 0,
    }),
  );
  expect(decodeTuple(found.get(CTA_TUPLE_REPLY)!.nested(TUPLE_NAMES), 4, '').tuple).toEqual({
    src: '198.51.100.20',
    dst: '10.1.0.4',
    sport: 5061,
    dport: 5060,
  });
  expect(decodeTranslation(found.get(CTA_NAT_SRC)!.nested(), '')).toEqual({ address: '198.18.0.12', port: 6000 });
  expect(found.get(CTA_STATUS)!.u32()).toBe(IPS.SEEN_REPLY | IPS.CONFIRMED);
});

test.each([
  { address: '198.18.0.12', port: 6000 },
  { address: '2001:db8::7', port: 0 },
  { address: '198.18.0.12', port: undefined },
])('a translation to $address and port $port is read back', (translation) => {
  const out = new AttributeWriter();
  encodeTranslation(out, CTA_NAT_SRC, translation);
  const reader = new AttributeReader(out.finish());
  reader.next();
  expect(decodeTranslation(reader.nested(), '')).toEqual(translation);
});

test('a TCP entry is created with the window scales of its ends if known, and liberal either way', () => {
  const tcp = {
    ...key,
    proto: 6,
    reply: { src: '198.51.100.20', dst: '10.1.0.4', sport: 5061, dport: 5060 },
    status: IPS.SEEN_REPLY,
    mark: 0,
    state: 'ESTABLISHED',
  };
  const protoinfoOf = (entry: NewEntry): object =>
    decodeProtoinfo(attributesOf(encodeCreate(entry)).get(CTA_PROTOINFO)!.nested(PROTOINFO_NAMES));
  const { WINDOW_SCALE, SACK_PERM, BE_LIBERAL } = TCP_FLAG;
  const scaled = WINDOW_SCALE | SACK_PERM | BE_LIBERAL;
  expect(protoinfoOf(tcp)).toEqual({ state: 'ESTABLISHED', tcpFlags: { orig: BE_LIBERAL, reply: BE_LIBERAL } });
  expect(protoinfoOf({ ...tcp, tracker: { windowScale: { orig: 0, reply: 10 } } })).toEqual({
    state: 'ESTABLISHED',
    tcpFlags: { orig: scaled, reply: scaled },
    windowScale: { orig: 0, reply: 10 },
  });
});

/** Attributes by type, each as a reader positioned at it. */
function attributesOf(body: Uint8Array): Map<number, AttributeReader> {
  const found = new Map<number, AttributeReader>();
  const types: number[] = [];
  for (const reader = new AttributeReader(body, undefined, 4); reader.next();) types.push(reader.type);
  types.forEach((type, index) => {
    const reader = new AttributeReader(body, undefined, 4);
    for (let i = 0; i <= index; i++) reader.next();
    found.set(type, reader);
  });
  return found;
}
