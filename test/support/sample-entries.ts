import type { NewEntry } from '../../agent/conntrack/wire/requests.ts';
import { invert } from '../../agent/conntrack/wire/requests.ts';
import { labelBytes } from '../../agent/conntrack/proc/labels.ts';
import type { Tuple } from '../../proto/model/flow.ts';
import { IPS } from '../../proto/model/status.ts';

const ASSURED = IPS.SEEN_REPLY | IPS.ASSURED;

/** An entry with everything filled in that the test does not care about: untranslated, unless its reply says otherwise. */
export function entryOf({
  proto,
  orig,
  reply,
  ...rest
}: Pick<NewEntry, 'proto' | 'orig'> & Omit<Partial<NewEntry>, 'reply'> & { reply?: Partial<Tuple> }): NewEntry {
  return {
    family: orig.src.includes(':') ? 6 : 4,
    proto,
    orig,
    reply: { ...invert(proto, orig), ...reply },
    zone: 0,
    status: IPS.SEEN_REPLY,
    mark: 0,
    timeoutSeconds: 100,
    ...rest,
  };
}

/** One of each kind of entry: every protocol that tuples differ by, both families, zones, marks, labels, translation both ways. */
export const SAMPLE_ENTRIES: NewEntry[] = [
  entryOf({
    proto: 6,
    orig: { src: '10.1.0.2', dst: '198.51.100.10', sport: 40_001, dport: 443 },
    reply: { dst: '198.18.0.12' },
    status: ASSURED | IPS.SRC_NAT,
    state: 'ESTABLISHED',
    timeoutSeconds: 400_000,
  }),
  entryOf({
    proto: 6,
    orig: { src: '10.1.0.2', dst: '198.51.100.10', sport: 40_002, dport: 443 },
    reply: { dst: '198.19.0.12' },
    status: ASSURED | IPS.SRC_NAT,
    state: 'TIME_WAIT',
    timeoutSeconds: 90,
    mark: 0x200,
  }),
  entryOf({
    proto: 6,
    orig: { src: '10.1.0.3', dst: '198.51.100.10', sport: 40_003, dport: 22 },
    status: 0,
    state: 'SYN_SENT',
    timeoutSeconds: 110,
  }),
  entryOf({
    proto: 6,
    orig: { src: '203.0.113.99', dst: '198.18.0.12', sport: 50_001, dport: 8443 },
    reply: { src: '10.1.0.80', sport: 443 },
    status: ASSURED | IPS.DST_NAT,
    state: 'ESTABLISHED',
    timeoutSeconds: 431_000,
  }),
  entryOf({
    proto: 6,
    orig: { src: 'fd00:1:1::2', dst: '2001:db8:113::10', sport: 40_004, dport: 443 },
    status: ASSURED,
    state: 'CLOSE_WAIT',
    timeoutSeconds: 50,
  }),
  entryOf({
    proto: 17,
    orig: { src: '10.1.0.4', dst: '198.51.100.20', sport: 5060, dport: 5060 },
    reply: { dst: '198.18.0.12' },
    status: ASSURED | IPS.SRC_NAT,
    timeoutSeconds: 110,
    mark: 0x100,
  }),
  entryOf({ proto: 17, orig: { src: '10.1.0.5', dst: '198.51.100.53', sport: 33_000, dport: 53 }, timeoutSeconds: 20 }),
  entryOf({
    proto: 17,
    orig: { src: '10.1.0.6', dst: '198.51.100.54', sport: 33_001, dport: 123 },
    status: 0,
    timeoutSeconds: 15,
    zone: 7,
  }),
  entryOf({
    proto: 17,
    orig: { src: '10.1.0.6', dst: '198.51.100.54', sport: 33_001, dport: 123 },
    status: 0,
    timeoutSeconds: 15,
    zone: 8,
    mark: 0xffffffff,
  }),
  entryOf({
    proto: 17,
    orig: { src: 'fd00:1:1::3', dst: '2001:db8:113::53', sport: 33_002, dport: 53 },
    timeoutSeconds: 25,
    labels: labelBytes([1, 100]),
  }),
  entryOf({ proto: 1, orig: { src: '10.1.0.7', dst: '198.51.100.1', icmp: { type: 8, code: 0, id: 1001 } }, timeoutSeconds: 29 }),
  entryOf({ proto: 1, orig: { src: '10.1.0.7', dst: '198.51.100.1', icmp: { type: 8, code: 0, id: 1002 } }, timeoutSeconds: 29 }),
  entryOf({ proto: 58, orig: { src: 'fd00:1:1::7', dst: '2001:db8:113::1', icmp: { type: 128, code: 0, id: 77 } }, timeoutSeconds: 28 }),
  entryOf({
    proto: 47,
    orig: { src: '10.1.0.8', dst: '198.51.100.47', srcKey: 4242, dstKey: 64_475 },
    status: ASSURED,
    timeoutSeconds: 170,
  }),
  entryOf({ proto: 50, orig: { src: '10.1.0.9', dst: '198.51.100.50' }, timeoutSeconds: 500 }),
  entryOf({ proto: 51, orig: { src: '10.1.0.9', dst: '198.51.100.50' }, timeoutSeconds: 550 }),
  entryOf({
    proto: 132,
    orig: { src: '10.1.0.10', dst: '198.51.100.60', sport: 36_412, dport: 36_412 },
    status: ASSURED,
    state: 'ESTABLISHED',
    timeoutSeconds: 200,
  }),
];

/** Entries whose tracker holds state that must not be lost when they are restored. */
export const TRACKED_ENTRIES: NewEntry[] = [
  entryOf({
    proto: 6,
    orig: { src: '10.1.0.60', dst: '198.51.100.70', sport: 40_060, dport: 443 },
    status: ASSURED,
    state: 'ESTABLISHED',
    tracker: { windowScale: { orig: 7, reply: 10 } },
  }),
  entryOf({
    proto: 6,
    orig: { src: '10.1.0.61', dst: '198.51.100.70', sport: 40_061, dport: 21 },
    status: ASSURED | IPS.SEQ_ADJUST,
    state: 'ESTABLISHED',
    helper: 'ftp',
    tracker: {
      windowScale: { orig: 0, reply: 14 },
      seqAdjust: { orig: { position: 4_000_000_000, before: -4, after: 7 }, reply: { position: 0, before: 0, after: 0 } },
    },
  }),
  entryOf({
    proto: 6,
    orig: { src: '10.1.0.62', dst: '198.51.100.70', sport: 40_062, dport: 80 },
    status: ASSURED | IPS.SEQ_ADJUST,
    state: 'ESTABLISHED',
    tracker: {
      seqAdjust: { orig: { position: 1, before: 0, after: 0 }, reply: { position: 1, before: -77, after: -77 } },
      synproxy: { isn: 4_000_000_001, its: 12, timestampOffset: 3_999_999_999 },
    },
  }),
  entryOf({
    proto: 132,
    orig: { src: '10.1.0.63', dst: '198.51.100.70', sport: 36_413, dport: 36_412 },
    status: ASSURED,
    state: 'ESTABLISHED',
    tracker: { sctpTags: { orig: 0xcafe0001, reply: 0xffffffff } },
  }),
];
