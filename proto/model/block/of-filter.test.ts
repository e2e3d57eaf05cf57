import { describe, expect, it } from 'vitest';
import type { FleetError } from '../error-codes.ts';
import { refusedBy } from './of-filter.ts';
import { namesNobody } from './packets.ts';
import { describeRefused } from './words.ts';
import { filterOf } from '../../../test/support/filter-of.ts';

function refused(text: string): ReturnType<typeof refusedBy> {
  return refusedBy(filterOf(text), 60);
}

function refusal(text: string): Pick<FleetError, 'code' | 'message' | 'fields'> {
  try {
    refused(text);
  } catch (error) {
    return error as FleetError;
  }
  throw new Error(`${text} can be a block`);
}

describe('a block', () => {
  it.each([
    ['host:10.0.0.2', 'every packet from and to 10.0.0.2, for 60 s'],
    ['host:10.0.0.1 or host:fd00::1', 'every packet from and to 10.0.0.1 or fd00::1, for 60 s'],
    [
      'src:10.0.0.0/8 dst:198.51.100.20 proto:tcp,udp dport:443',
      'every TCP and UDP packet of connections from 10.0.0.0/8, to 198.51.100.20, to port 443, for 60 s',
    ],
    [
      'host:10.0.0.2 -dport:22,80 -proto:icmp',
      'every packet from and to 10.0.0.2, but not of connections to port 22 or 80, but not ICMP, for 60 s',
    ],
    ['family:ipv6 proto:gre', 'every IPv6 GRE packet, for 60 s'],
    ['198.18.0.12:5060', 'every packet from and to 198.18.0.12 port 5060, for 60 s'],
    ['app:sip', 'every TCP and UDP packet of connections to port 5060 to 5061, for 60 s'],
    ['nat:203.0.113.7', 'every packet of connections translated to 203.0.113.7, for 60 s'],
    ['icmp-type:8 src:10.0.0.2', 'every packet of ICMP type 8 of connections from 10.0.0.2, for 60 s'],
    [
      'src:10.0.0.2 dport:22 or src:10.0.0.3 proto:esp',
      'every packet of connections from 10.0.0.2, to port 22; every ESP packet of connections from 10.0.0.3, for 60 s',
    ],
    ['src:10.0.0.2 sport:40000 id:7', 'only the packets of these connections; a new one from another port gets through, for 60 s'],
    ['idle>1h id:7,9', 'only the packets of these connections; a new one from another port gets through, for 60 s'],
  ])('by %s is described as “%s”', (text, words) => {
    expect(describeRefused(refused(text))).toBe(words);
  });

  it.each([
    ['host:10.0.0.2 idle>1h', 'host:10.0.0.2'],
    ['src:10.0.0.0/8 dport:25 bytes>1M state:established', 'src:10.0.0.0/8 dport:25'],
    ['idle>1h', undefined],
    ['host:10.0.0.2 or idle>1h', undefined],
    ['stale:yes wan:wan1', undefined],
    ['-host:10.0.0.2 mark:0x1', undefined],
    ['host:10.0.0.2 -id:7', 'host:10.0.0.2'],
  ])('by %s is refused, with a suggestion that can be a block', (text, suggestion) => {
    const { code, message, fields } = refusal(text);
    expect(code).toBe('FILTER_NOT_OF_PACKETS');
    expect(fields.suggestion).toBe(suggestion);
    expect(message).toContain(suggestion === undefined ? 'or use delete' : `Block “${suggestion}”, or use delete`);
    if (suggestion !== undefined) expect(refused(suggestion).anyOf).not.toEqual([]);
  });

  it.each([
    '0.0.0.0/0 or ::/0',
    'family:ipv4,ipv6',
    'dport:22 or -dport:22',
    'src:10.0.0.0/8 or -src:10.0.0.0/8',
    '-(host:10.0.0.1 idle>1h)',
  ])('of everything is refused, however it is spelled: %s', (text) => {
    expect(refusal(text).code).toBe('FILTER_NOT_OF_PACKETS');
  });

  it.each(['-host:10.0.0.2', '-proto:tcp -proto:udp', 'src:10.0.0.2 or -dport:22'])(
    'that describes only what is left alone is refused: %s',
    (text) => {
      expect(refusal(text).message).toContain('describes only what is left alone');
    },
  );

  it.each([
    ['host:10.0.0.2', false],
    ['src:10.0.0.0/8 proto:udp', false],
    ['fd00:1::/48', false],
    ['proto:udp', true],
    ['dport:25', true],
    ['src:0.0.0.0/1', true],
    ['proto:tcp -host:10.0.0.2', true],
    ['host:10.0.0.2 or dport:25', true],
    ['id:7', false],
  ])('by %s names nobody: %s', (text, expected) => expect(namesNobody(refused(text))).toBe(expected));

  it('lasts an hour at most', () => {
    expect(() => refusedBy(filterOf('host:10.0.0.2'), 3601)).toThrow('between 1 and 3600');
  });
});
