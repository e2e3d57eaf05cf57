import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { arbitraryFilter } from '../../../test/support/arbitrary-entry.ts';
import { evaluateFilter } from './evaluate.ts';
import { matchesEverything } from './everything.ts';
import type { FlowFilter } from './filter.ts';
import { formatFilter } from './format.ts';
import { MAX_FILTER_TERMS } from './limits.ts';
import { arbitraryFlow } from '../../../test/support/arbitrary-flow.ts';
import { filterOf } from '../../../test/support/filter-of.ts';

const protocols = Array.from({ length: 255 }, (_, index) => index + 1);

describe('a filter that matches every flow', () => {
  it.each([
    '',
    'family:ipv4,ipv6',
    '-proto:0',
    `proto:${protocols.join(',')}`,
    '-state:expired',
    'status:replied,unreplied',
    'state:new or -state:new',
    'status:confirmed',
    '-status:dying',
    'src:0.0.0.0/1,128.0.0.0/1,::/0',
    'ip:0.0.0.0/0 or ip:::/0',
    '-src:0.0.0.0',
    'port:0-65535 or -port:0-65535',
    'age>=0s',
    'bytes>=0',
    'idle>=0s',
    'id:0-4294967295',
    '-id:0',
    'mark:0x0/0x0',
    'mark:0x0/0x1,0x1/0x1',
    'stale:yes or -stale:yes',
    'wan:* or wan:none',
    'next-wan:wan1 or -next-wan:wan1',
    'helper:none or helper:*',
    '-(proto:tcp proto:udp)',
    '-(src:10.0.0.0/8 dst:2001:db8::/32)',
    'zone:0-65535',
    '-(status:assured status:unreplied)',
    'dport:0-65535 or -proto:tcp,udp,sctp,dccp,udplite',
    'family:ipv6 or -proto:icmpv6',
    '-port:0',
    'age<5m or age>=5m',
    '-(icmp-type:8 proto:tcp)',
    'dport:443 or -dport:443',
    '10.0.0.5:5060 or -10.0.0.5:5060',
    '-orig-zone:7 or orig-zone:7',
    '-src:224.0.0.0/4',
  ])('%j counts as everything, however it is spelled', (text) => expect(matchesEverything(filterOf(text))).toBe(true));

  it.each([
    'proto:udp',
    '-proto:udp',
    '-proto:tcp,udp',
    'family:ipv4',
    '-src:10.0.0.5',
    '-(src:10.0.0.5 dport:443 proto:tcp)',
    '-10.0.0.5:5060',
    '-wan:wan1',
    'wan:*',
    '-wan:none',
    '-helper:sip',
    'status:assured',
    `proto:${protocols.slice(1).join(',')}`,
    `proto:${protocols.slice(0, -1).join(',')}`,
    'src:0.0.0.0/1,128.0.0.0/2,::/0',
    'src:0.0.0.0/1,128.0.0.0/1',
    '-id:5',
    '-mark:0x100/0xff00',
    'age>=1s',
    '-zone:7',
    '-orig-zone:7',
    '-label:voip',
    '-app:sip',
    '-state:time-wait',
    '-state:"closed"',
    '-stale:yes',
    '-icmp-type:8',
    '-key:4242',
    '-key:0',
    '-nat:203.0.113.7',
    '-host:2001:db8::5',
    '-(ip:10.0.0.0/8 port:5060)',
    'dport:1-65535',
    'zone:0-65534',
    '-(src:10.0.0.0/8 -src:10.1.0.0/16)',
    'rate<1G',
    '-(wan:wan1 status:snat -dport:53)',
    '-status:nat',
    'proto:tcp or -dport:1-65534',
    '-(2001:db8::1 family:ipv6 proto:udp)',
    'status:replied',
  ])('%j does not', (text) => expect(matchesEverything(filterOf(text))).toBe(false));

  it('is never missed: whatever does not count as everything excludes some flow', () => {
    const flows = fc.sample(arbitraryFlow, { numRuns: 200, seed: 7 });
    fc.assert(
      fc.property(arbitraryFilter, (filter) => {
        const wide: FlowFilter[] = [
          filter,
          { kind: 'or', operands: [filter, { kind: 'not', operand: filter }] },
          { kind: 'not', operand: { kind: 'and', operands: [filter, { kind: 'not', operand: filter }] } },
        ];
        for (const one of wide.slice(1)) expect([formatFilter(one), matchesEverything(one)]).toEqual([formatFilter(one), true]);
        if (matchesEverything(filter))
          expect([formatFilter(filter), ...flows.filter((flow) => !evaluateFilter(filter, flow, 1_900_000_000_000))]).toEqual([
            formatFilter(filter),
          ]);
      }),
      { numRuns: 30 },
    );
  });

  it('is decided in bounded time, even for the largest filter', () => {
    const ports = Array.from({ length: MAX_FILTER_TERMS / 2 }, (_, index) => index * 20);
    const addresses = Array.from({ length: MAX_FILTER_TERMS / 2 }, (_, index) => `10.${index >> 8}.${index & 255}.1`);
    expect(matchesEverything(filterOf(`-dport:${ports.join(',')}`))).toBe(false);
    expect(matchesEverything(filterOf(`-src:${addresses.join(',')} -dst:${addresses.join(',')}`))).toBe(false);
    expect(
      matchesEverything(
        filterOf(`dport:${ports.map((port) => `${port}-${port + 19}`).join(',')},20000-65535 or -proto:tcp,udp,sctp,dccp,udplite`),
      ),
    ).toBe(true);
  });
});
