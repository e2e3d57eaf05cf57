import fc from 'fast-check';
import { parseAddress } from '../../../proto/model/address.ts';
import { PROTOCOLS } from '../../../proto/model/protocol.ts';
import type { Sample } from './corpus.ts';
import type { TestPacket } from './frame.ts';
import type { RuleStage } from './stage.ts';

const HOSTS = ['10.0.0.5', '10.0.0.6', '10.0.0.9', '172.17.0.2', '198.51.100.10', '198.51.100.77', '203.0.113.7', '198.18.0.2', '10.0.0.1'];
const PORTS = [22, 53, 80, 443, 5060, 8080];
const one = <T>(...values: T[]): fc.Arbitrary<T> => fc.constantFrom(...values);
const some = (values: readonly (string | number)[]): fc.Arbitrary<string> =>
  fc.uniqueArray(one(...values), { minLength: 1, maxLength: 3 }).map((chosen) => `{ ${chosen.join(', ')} }`);
const not = one('', '', '!= ');
const address = fc.oneof(
  one(...HOSTS),
  one('10.0.0.0/24', '10.0.0.4/30', '198.51.0.0/16', '172.17.0.0/12', '203.0.113.0/25', '10.0.0.5-10.0.0.8', '198.51.100.0-198.51.100.50'),
  some(HOSTS),
  some(['10.0.0.0/25', '198.51.100.0/26', '203.0.113.0/24']),
);
const port = fc.oneof(one(...PORTS).map(String), one('1-100', '400-600', '5000-6000'), some(PORTS), some(['1-60', '443', '8000-9000']));
const MARKS = ['0x0', '0x1', '0x100', '0x101', '0x300'];
const device = one('"lan"', '"wan1"', '"wan*"', '"docker0"', '{ "lan", "docker0" }');

/** What is compared; `out` if an outgoing interface is known. */
function match(hasOut: boolean): fc.Arbitrary<string> {
  return fc.oneof(
    fc.tuple(one('saddr', 'daddr'), not, address).map(([side, op, value]) => `ip ${side} ${op}${value}`),
    fc.tuple(one('tcp', 'udp'), one('sport', 'dport'), not, port).map(([proto, side, op, value]) => `${proto} ${side} ${op}${value}`),
    fc.tuple(not, port).map(([op, value]) => `th dport ${op}${value}`),
    fc.tuple(not, one('tcp', 'udp', 'icmp', '{ tcp, udp }')).map(([op, value]) => `meta l4proto ${op}${value}`),
    fc.tuple(hasOut ? one('iifname', 'oifname') : fc.constant('iifname'), not, device).map(([key, op, value]) => `${key} ${op}${value}`),
    fc
      .tuple(not, one('new', 'established', 'invalid', '{ established, related }', '{ new, untracked }'))
      .map(([op, value]) => `ct state ${op}${value}`),
    fc
      .tuple(one('meta mark', 'ct mark'), one('0x1', '0xff', '0x300'), one('==', '!='), one('0x0', '0x1', '0x100'))
      .map(([key, mask, op, value]) => `${key} and ${mask} ${op} ${value}`),
    fc.tuple(one('meta mark', 'ct mark'), not, one(...MARKS)).map(([key, op, value]) => `${key} ${op}${value}`),
    one(
      'icmp type echo-request',
      'tcp flags & (syn | ack) == syn',
      'tcp flags syn',
      'ct direction original',
      'ct status dnat',
      'ct status & snat == 0',
      'fib daddr type local',
      'fib saddr type != local',
      'meta pkttype host',
    ),
    one('limit rate 1000/second', 'meta length > 60', 'numgen random mod 2 0', 'ip ttl > 10'),
    one('ct original ip daddr 198.18.0.2', 'ct original ip saddr 10.0.0.0/29'),
  );
}

const setMark = fc.oneof(
  one(...MARKS).map((mark) => `meta mark set ${mark}`),
  one(
    'meta mark set ct mark',
    'ct mark set meta mark',
    'meta mark set mark or 0x100',
    'meta mark set mark and 0xff',
    'meta mark set mark xor 0x1',
    'meta mark set ct mark and 0x300',
    'ct mark set 0x300',
    'ct mark set mark and 0xff or 0x200',
  ),
  one(
    'meta mark set ip saddr map { 10.0.0.5 : 0x1, 10.0.0.6 : 0x100 }',
    'meta mark set tcp dport map { 80 : 0x101, 443 : 0x300 }',
    'meta mark set numgen inc mod 2 map { 0 : 0x1, 1 : 0x101 }',
  ),
);
const verdict = fc.oneof(one('accept', 'drop', 'return', 'jump c_one', 'goto c_two', 'jump c_two', 'counter'), setMark);
const map = one(
  'ip saddr vmap { 10.0.0.5 : accept, 10.0.0.6 : drop, 172.17.0.0/16 : jump c_two }',
  'tcp dport vmap { 22 : drop, 80 : jump c_one, 443 : accept }',
  'iifname vmap { "lan" : jump c_two, "wan1" : accept }',
  'ct state vmap { established : accept, invalid : drop, new : jump c_two }',
  'meta l4proto . th dport vmap { tcp . 80 : drop, udp . 53 : accept }',
  'numgen random mod 2 vmap { 0 : accept, 1 : accept }',
);

function rules(hasOut: boolean, end: fc.Arbitrary<string>, max: number): fc.Arbitrary<string> {
  const rule = fc.oneof(
    {
      weight: 6,
      arbitrary: fc.tuple(fc.array(match(hasOut), { maxLength: 2 }), end).map(([matches, last]) => [...matches, last].join(' ')),
    },
    { weight: 1, arbitrary: map },
  );
  return fc.array(rule, { maxLength: max }).map((lines) => lines.join('\n    '));
}

const dnat = fc.oneof(
  verdict,
  one(
    'dnat ip to 10.0.0.6',
    'meta l4proto tcp dnat ip to 10.0.0.9:80',
    'meta l4proto tcp redirect to :8080',
    'dnat ip to ip saddr map { 203.0.113.7 : 10.0.0.5 }',
    'meta l4proto udp dnat ip to 10.0.0.5-10.0.0.6',
  ),
);
const snat = fc.oneof(
  verdict,
  one(
    'masquerade',
    'snat ip to 198.18.0.50',
    'meta l4proto { tcp, udp } snat ip to 198.18.0.60:2000-3000',
    'snat ip to ip saddr map { 10.0.0.5 : 198.18.0.51, 10.0.0.6 : 198.18.0.52 }',
    'meta l4proto tcp masquerade to :1024-2048',
  ),
);
const policy = fc.constantFrom('accept', 'accept', 'accept', 'drop');

/** The text of a table with chains at several hooks, and two that they jump to; `one` leads to `two`. */
export const arbitraryTable: fc.Arbitrary<string> = fc
  .record({
    raw: rules(false, fc.oneof(verdict, fc.constant('notrack')), 2),
    mangle: rules(false, setMark, 4),
    filterPre: rules(false, verdict, 2),
    dnat: rules(false, dnat, 4),
    forward: rules(true, fc.oneof(verdict, fc.constant('reject'), fc.constant('meta l4proto tcp reject with tcp reset')), 6),
    input: rules(false, verdict, 3),
    post: rules(true, setMark, 3),
    snat: rules(true, snat, 4),
    one: rules(
      false,
      verdict.filter((text) => !text.includes('one')),
      3,
    ),
    two: rules(
      false,
      verdict.filter((text) => !/one|two/.test(text)),
      3,
    ),
    policies: fc.tuple(policy, policy),
  })
  .map(
    ({ policies: [forward, input], ...part }) => `table inet tried {
  chain c_two {
    ${part.two.replace(/.*jump c_(one|two).*/g, '')}
  }
  chain c_one {
    ${part.one.replace(/.*jump c_one.*/g, '')}
  }
  chain c_raw {
    type filter hook prerouting priority raw
    ${part.raw}
  }
  chain c_mangle {
    type filter hook prerouting priority mangle
    ${part.mangle}
  }
  chain c_dnat {
    type nat hook prerouting priority dstnat
    ${part.dnat}
  }
  chain c_filter_pre {
    type filter hook prerouting priority filter
    ${part.filterPre}
  }
  chain c_input {
    type filter hook input priority filter; policy ${input}
    ${part.input}
  }
  chain c_forward {
    type filter hook forward priority filter; policy ${forward}
    ${part.forward}
  }
  chain c_post {
    type filter hook postrouting priority mangle
    ${part.post}
  }
  chain c_snat {
    type nat hook postrouting priority srcnat
    ${part.snat}
  }
}
`,
  );

/** Loads such a table, without the rules that contradict themselves: nft names the lines that it refuses. */
export function loadArbitrary(stage: RuleStage, table: string): void {
  let lines = table.split('\n');
  for (;;) {
    try {
      stage.run('nft', ['-f', '-'], lines.join('\n'));
      return;
    } catch (error) {
      const refused = new Set([...(error as Error).message.matchAll(/^\/dev\/stdin:(\d+):/gm)].map(([, line]) => Number(line)));
      if (refused.size === 0) throw error;
      lines = lines.map((line, at) => (refused.has(at + 1) ? '' : line));
    }
  }
}

/** A packet that comes in by an interface that its source is behind. */
export const arbitrarySample: fc.Arbitrary<Sample> = fc
  .tuple(
    one(
      { from: 'lan' as const, sources: HOSTS.slice(0, 3) },
      { from: 'docker0' as const, sources: HOSTS.slice(3, 4) },
      { from: 'wan1' as const, sources: ['203.0.113.7', '203.0.113.200'] },
    ),
    fc.nat(),
    fc.oneof(one('198.51.100.10', '198.51.100.77', '198.18.0.2'), one('10.0.0.5', '10.0.0.6', '172.17.0.2', '10.0.0.1')),
    one(PROTOCOLS.tcp, PROTOCOLS.udp, PROTOCOLS.icmp),
    one(...PORTS),
    one(...PORTS, 4000),
    one(2, 2, 0x10),
  )
  .map(([{ from, sources }, n, to, proto, dport, sport, tcpFlags]) => {
    const source = sources[n % sources.length]!;
    const packet: TestPacket = {
      family: 4,
      proto,
      src: parseAddress(source)!,
      dst: parseAddress(to)!,
      ...(proto === PROTOCOLS.icmp ? { icmpType: 8 } : { sport, dport }),
      ...(proto === PROTOCOLS.tcp && { tcpFlags }),
    };
    return { from, packet, text: `${from} ${proto} ${source}:${sport} > ${to}:${dport}`, answer: '' };
  })
  .filter(
    ({ from, packet }) =>
      !(from === 'lan' && packet.dst[0] === 10 && packet.dst[3] !== 1) && !(from === 'docker0' && packet.dst[0] === 172),
  );
