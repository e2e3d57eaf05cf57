import { describe, expect, it } from 'vitest';
import type { Flow, Tuple } from '../flow.ts';
import { PROTOCOLS } from '../protocol.ts';
import { IPS } from '../status.ts';
import { evaluateFilter } from './evaluate.ts';
import { formatFilter } from './format.ts';
import { parseFilter } from './parse.ts';
import { filterOf } from '../../../test/support/filter-of.ts';

const NOW_MS = 1_900_000_000_000;

const problemOf = (text: string) => {
  const parsed = parseFilter(text);
  if ('filter' in parsed) throw new Error(`${text} parsed as ${formatFilter(parsed.filter)}`);
  return { ...parsed.problem, at: text.slice(parsed.problem.start, parsed.problem.end) };
};

function flowOf(
  orig: Tuple,
  reply: Tuple = { src: orig.dst, dst: orig.src, sport: orig.dport, dport: orig.sport },
  more: Partial<Flow> = {},
): Flow {
  return {
    family: orig.src.includes(':') ? 6 : 4,
    proto: PROTOCOLS.udp,
    id: 1,
    zone: 0,
    mark: 0,
    labels: [],
    status: IPS.CONFIRMED,
    orig,
    reply,
    ...more,
  };
}

const matches = (text: string, flow: Flow): boolean => evaluateFilter(filterOf(text), flow, NOW_MS);

describe('an endpoint', () => {
  const call = flowOf(
    { src: '10.0.0.5', dst: '198.51.100.20', sport: 5062, dport: 5060 },
    { src: '198.51.100.20', dst: '198.18.0.12', sport: 5060, dport: 5060 },
  );

  it.each([
    ['198.18.0.12:5060', true],
    ['10.0.0.5:5062', true],
    ['198.51.100.20:5060', true],
    ['10.0.0.5:5060', false],
    ['198.18.0.12:5062', false],
    ['198.51.100.20:5062', false],
    ['src:10.0.0.5:5062', true],
    ['src:10.0.0.5:5060', false],
    ['dst:198.51.100.20:5060', true],
    ['dst:198.51.100.20:5062', false],
    ['rdst:198.18.0.12:5060', true],
    ['rsrc:198.18.0.12:5060', false],
    ['host:10.0.0.5:5062', true],
    ['10.0.0.0/8:5060-5070', true],
    ['dst:198.51.100.20:sip', true],
    ['nat:198.18.0.12:5060', false],
    ['-10.0.0.5:5060', true],
    ['ip:10.0.0.5 port:5060', true],
  ])('%s has its address and port on one side of one tuple: %s', (text, wanted) => expect(matches(text, call)).toBe(wanted));

  it('matches the translated side too', () => {
    const translated = { ...call, status: IPS.CONFIRMED | IPS.SRC_NAT };
    expect([
      matches('nat:198.18.0.12:5060', translated),
      matches('nat:198.18.0.12:5062', translated),
      matches('nat:198.51.100.20:5060', translated),
    ]).toEqual([true, false, false]);
  });

  it('is written in brackets for IPv6', () => {
    const web = flowOf({ src: '2001:db8:1::5', dst: '2001:db8::1', sport: 40_000, dport: 443 });
    expect([
      matches('dst:[2001:db8::1]:443', web),
      matches('[2001:db8::1]:443', web),
      matches('[2001:db8::1]:40000', web),
      matches('src:[2001:db8::1]:443', web),
    ]).toEqual([true, true, false, false]);
  });

  it('is unknown for a protocol whose ports the table does not report, and then neither it nor its negation matches', () => {
    const blind = flowOf({ src: '10.0.0.5', dst: '198.51.100.20' }, undefined, { proto: PROTOCOLS.udplite });
    for (const text of ['10.0.0.5:5060', 'src:10.0.0.5:5060', 'port:5060', 'dport:5060'])
      expect([matches(text, blind), matches(`-${text}`, blind)]).toEqual([false, false]);
    expect(matches('-src:10.9.9.9:5060', blind)).toBe(true);
    expect(matches('-dport:5060', { ...blind, proto: PROTOCOLS.esp })).toBe(true);
  });
});

describe('new terms', () => {
  const ping = flowOf({ src: '10.0.0.5', dst: '198.51.100.20', icmp: { type: 8, code: 0, id: 4242 } }, undefined, {
    proto: PROTOCOLS.icmp,
  });
  const pptp = flowOf(
    { src: '10.0.0.5', dst: '198.51.100.20', srcKey: 4242, dstKey: 7 },
    { src: '198.51.100.20', dst: '203.0.113.7', srcKey: 7, dstKey: 64_475 },
    { proto: PROTOCOLS.gre },
  );
  const zoned = flowOf({ src: '10.0.0.5', dst: '198.51.100.20', sport: 1, dport: 2, zone: 7 });

  it.each<[string, Flow, boolean]>([
    ['icmp-type:8', ping, true],
    ['icmp-type:0', ping, false],
    ['icmp-code:0', ping, true],
    ['icmp-id:4242', ping, true],
    ['-icmp-type:8', pptp, true],
    ['icmp-type:8', pptp, false],
    ['key:64475', pptp, true],
    ['key:4242', pptp, true],
    ['key:5', pptp, false],
    ['srckey:4242', pptp, true],
    ['dstkey:7', pptp, true],
    ['rsrckey:7', pptp, true],
    ['rdstkey:0xfbdb', pptp, true],
    ['rdstkey:7', pptp, false],
    ['orig-zone:7', zoned, true],
    ['reply-zone:7', zoned, false],
    ['reply-zone:none', zoned, true],
    ['orig-zone:none', zoned, false],
    ['-orig-zone:7', ping, true],
    ['zone:7', zoned, true],
    ['wan:none', ping, true],
    ['wan:none', { ...ping, wan: 'wan1' }, false],
    ['helper:none', ping, true],
    ['-helper:none', { ...ping, helper: 'sip' }, true],
    ['label:none', ping, true],
    ['wan:"none"', { ...ping, wan: 'none' }, true],
    ['wan:"none"', ping, false],
  ])('%s', (text, flow, wanted) => expect(matches(text, flow)).toBe(wanted));

  it('do not match unknown values either way', () => {
    for (const [text, proto] of [
      ['icmp-type:8', PROTOCOLS.icmp],
      ['icmp-id:1', PROTOCOLS.icmpv6],
      ['key:7', PROTOCOLS.gre],
      ['rdstkey:7', PROTOCOLS.gre],
    ] as const) {
      const blind = flowOf({ src: '10.0.0.5', dst: '198.51.100.20' }, undefined, { proto });
      expect([text, matches(text, blind), matches(`-${text}`, blind)]).toEqual([text, false, false]);
    }
  });
});

describe('what people type is understood', () => {
  it.each([
    ['!proto:tcp', '-proto:tcp'],
    ['! proto:tcp', '-proto:tcp'],
    ['status:!assured', '-status:assured'],
    ['src != 10.0.0.1', '-src:10.0.0.1'],
    ['dport!=80,443', '-dport:80,443'],
    ['mark!=0', '-mark:0x0'],
    ['proto:udp && dport:53', 'proto:udp dport:53'],
    ['proto:udp||proto:tcp', 'proto:udp,tcp'],
    ['src==10.0.0.1', 'src:10.0.0.1'],
    ['age:>5m', 'age>=301s'],
    ['10.0.0.*', 'ip:10.0.0.0/24'],
    ['src:10.0.*.*', 'src:10.0.0.0/16'],
    ['10.0.0.0/255.255.255.0', 'ip:10.0.0.0/24'],
    ['10.0.0.4-10.0.0.6', 'ip:10.0.0.4/31,10.0.0.6'],
    ['dst:2001:db8::1-2001:db8::2', 'dst:2001:db8::1,2001:db8::2'],
    ['1024:65535', 'port:1024-65535'],
    ['dport:1024:65535', 'dport:1024-65535'],
    ['bytes>=10MB', 'bytes>=10M'],
    ['bytes>=1MiB', 'bytes>=1048576'],
    ['rate>=10Mbps', 'rate>=10M'],
    ['rate>=10Mbit/s', 'rate>=10M'],
    ['idle>=5min', 'idle>=5m'],
    ['age>=2hours', 'age>=2h'],
    ['age>=1.5h', 'age>=90m'],
    ['443/tcp', 'proto:tcp port:443'],
    ['dport:53/udp', 'proto:udp dport:53'],
    ['dport:https', 'dport:443'],
    ['id:0xdeadbeef', 'id:3735928559'],
    ['proto:udp or ::1', 'proto:udp or ip:::1'],
    ['not ::1', '-ip:::1'],
    ['proto:udp and ::1', 'proto:udp ip:::1'],
    ['!::1', '-ip:::1'],
    ['src::1', 'src:::1'],
    ['src:::1', 'src:::1'],
    ['src: ::1', 'src:::1'],
    ['[2001:db8::1]', 'ip:2001:db8::1'],
    ['status:[ASSURED]', 'status:assured'],
    ['srcip=10.0.0.5 dstport=443', 'src:10.0.0.5 dport:443'],
    ['proto:icmp6', 'proto:icmpv6'],
    ['family:v6', 'family:ipv6'],
    ['orig-zone:7 reply-zone:none', 'orig-zone:7 reply-zone:none'],
    ['zone-orig=7', 'orig-zone:7'],
    ['call-id:0x10', 'key:16'],
  ])('%s is %s', (text, canonical) => expect(formatFilter(filterOf(text))).toBe(canonical));

  it.each([
    ['ipv6', 'ipv6', 'family:ipv6'],
    ['[ASSURED]', '[ASSURED]', 'status:assured'],
    ['proto:tcp [UNREPLIED]', '[UNREPLIED]', 'status:unreplied'],
    ['state:assured', 'state:assured', 'status:assured'],
    ['status:established', 'status:established', 'state:established'],
    ['mark>0', 'mark>0', '-mark:0x0'],
    ['app:http', 'app:http', '(proto:tcp dport:80)'],
    ['stale:no', 'stale:no', '-stale:yes'],
    ['state:timewait', 'timewait', 'time-wait'],
    ['state:closed', 'closed', 'close'],
    ['state:cookie-wait', 'cookie-wait', '"cookie-wait"'],
    ['timewait', 'timewait', 'state:time-wait'],
    ['rate>10MB', '10MB', '80M'],
    ['udp:10.0.0.5:5060', 'udp:10.0.0.5:5060', '(proto:udp 10.0.0.5:5060)'],
    ['-udp:10.0.0.5:5060', 'udp:10.0.0.5:5060', '(proto:udp 10.0.0.5:5060)'],
    ['tcp/443', 'tcp/443', '(proto:tcp port:443)'],
    ['10.0.0.5.443', '10.0.0.5.443', '10.0.0.5:443'],
    ['proto:!tcp,!udp', 'proto:!tcp,!udp', '-proto:tcp,udp'],
  ])('%s is located, and offers exactly what was meant', (text, at, suggestion) =>
    expect(problemOf(text)).toMatchObject({ at, suggestion }),
  );

  it.each([
    ['icmp type 8', '(proto:icmp icmp-type:8)'],
    ['icmpv6 type 128 code 0', '(proto:icmpv6 icmp-type:128 icmp-code:0)'],
    ['host ::1', 'host:::1'],
    ['host 10.0.0.5 and port 5060', 'host:10.0.0.5 port:5060'],
    ['src host 10.0.0.5 and not dst port 53', 'src:10.0.0.5 -dport:53'],
    ['tcp port 80 or udp port 53', '(proto:tcp port:80) or (proto:udp port:53)'],
    ['port 80 or 443', 'port:80 or port:443'],
    ['proto tcp from any to 10.0.0.5 port = 5060', '(proto:tcp dst:10.0.0.5 dport:5060)'],
    ['proto udp from 10.0.0.0/8 to any port 1024:65535', '(proto:udp src:10.0.0.0/8 dport:1024:65535)'],
    ['ip saddr 10.0.0.5 tcp dport 443', '(src:10.0.0.5 proto:tcp dport:443)'],
    ['ip saddr != 10.0.0.5', '-src:10.0.0.5'],
    ['diagnose sys session filter src 10.0.0.5', 'src:10.0.0.5'],
    ['diag sys session filter dport 5060 5061\ndiag sys session filter proto 17\ndiag sys session list', 'dport:5060-5061 proto:17'],
    [
      'all tcp 203.0.113.7:5060 (10.0.0.5:5060) -> 198.51.100.1:5060       ESTABLISHED:ESTABLISHED',
      'proto:tcp 203.0.113.7:5060 10.0.0.5:5060 198.51.100.1:5060',
    ],
    ['pfctl -k 10.0.0.5 -k 198.51.100.1', 'src:10.0.0.5 dst:198.51.100.1'],
    ['hook=post dir=org act=snat 10.0.0.5:34567->198.51.100.1:443(203.0.113.7:34567)', '10.0.0.5:34567 198.51.100.1:443 203.0.113.7:34567'],
    ['IP 10.0.0.5.34567 > 198.51.100.1.443: Flags [S], seq 1', 'proto:tcp 10.0.0.5:34567 198.51.100.1:443'],
    ['tcp   ESTAB  0  0  10.0.0.5:34567  198.51.100.1:443  users:(("curl",pid=1,fd=3))', 'proto:tcp 10.0.0.5:34567 198.51.100.1:443'],
    ['udp ESTAB 0 0 [2001:db8::5]:5060 [2001:db8::1]:sip', 'proto:udp [2001:db8::5]:5060 [2001:db8::1]:sip'],
    ['tcp        0      0 10.0.0.5:34567          198.51.100.1:443        ESTABLISHED', 'proto:tcp 10.0.0.5:34567 198.51.100.1:443'],
    ['SIP/2.0/UDP 10.0.0.5:5060;branch=z9hG4bK', 'proto:udp 10.0.0.5:5060'],
    ['sip:bob@10.0.0.5:5060;transport=tcp', 'proto:tcp 10.0.0.5:5060'],
    ['-p udp -q 203.0.113.7', 'proto:udp rdst:203.0.113.7'],
    ['sudo conntrack -L -p icmp --icmp-type 8', 'proto:icmp icmp-type:8'],
    ['conntrack -D -n 203.0.113.7', 'status:snat rdst:203.0.113.7'],
    ['-j 203.0.113.7', 'nat:203.0.113.7'],
    ['conntrack -L -u ASSURED,SEEN_REPLY --orig-zone 7', 'status:assured status:replied orig-zone:7'],
    ['-s 10.0.0.0/255.0.0.0 -g', 'src:10.0.0.0/255.0.0.0 status:dnat'],
  ])('%s, from another tool, is offered whole in this grammar', (text, suggestion) =>
    expect(problemOf(text)).toMatchObject({ at: text, suggestion }),
  );

  it.each([
    ['conntrack -D -s 10.0.0.1 --foo 3', '--foo'],
    ['conntrack -L -z', '-z'],
    ['conntrack -D -p tcp -t 100', '-t'],
    ['conntrack -L --mask-src 255.0.0.0', '--mask-src'],
    ['conntrack -F', '-F'],
    ['conntrack -L | grep 10.0.0.5', '|'],
    ['diag sys session filter policy 5', 'policy'],
  ])('%s names the option that has no meaning here', (text, at) => {
    const problem = problemOf(text);
    expect(problem).toMatchObject({ at, message: expect.stringContaining(at) });
    expect(problem.suggestion).toBeUndefined();
  });

  it.each([
    'proto:l2tp',
    'app:ssl',
    'app:rtsp',
    'proto:stp',
    'proto:egp',
    'mark>5',
    'dport:5060abc',
    'dport:443tcp',
    'id:0xfffffffff',
    'proto:!tcp,udp',
    'state:fin-wait1',
    'aport:5',
    'packets>10MB',
    'bytes>10Mbit',
    'rfc1918',
    'host 10.0.0.1 and port 80 or port 443',
    'udp UNCONN 0 0 0.0.0.0:5060 0.0.0.0:*',
    'all',
    'any',
    'status:unassured',
    'family:ipv5',
    '10.0.0.0/0.0.0.255',
    'state:closing2',
    'proto>udp',
  ])('%s gets no suggestion, which is better than a wrong one', (text) => {
    expect(problemOf(text).suggestion).toBeUndefined();
  });
});
