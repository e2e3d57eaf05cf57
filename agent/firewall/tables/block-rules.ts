import { formatPrefix, type Prefix } from '../../../proto/model/address.ts';
import type { NumberRange, PacketCondition } from '../../../proto/model/block/packets.ts';
import type { Flow } from '../../../proto/model/flow.ts';
import { hasPorts } from '../../../proto/model/protocol.ts';
import { checksOfAll, headersOf, ofFamily, type Check, type HeaderCheck } from './packet-checks.ts';
import { address, whole } from './nft-values.ts';

/** Our own table of what is blocked, which nothing else writes to; it is there only while something is. */
export const BLOCK_TABLE = 'inet ctfleet_block';

/** A block as its rules are made of it. `token`: letters and digits that stand for it in names. */
export interface BlockText {
  token: string;
  conditions: readonly PacketCondition[];
  /** Packets of its frozen flows, as flowPackets says them. */
  flows4: readonly string[];
  flows6: readonly string[];
  /** Of its time, in whole seconds; the kernel forgets it then. */
  leftSeconds: number;
  /** What it had refused before its rules were rebuilt. */
  packets: bigint;
  bytes: bigint;
}

/** Elements in one command. */
const BATCH = 3000;
/**
 * Answers that the gateway gives for what it refuses, all blocks together; the rest is refused without a word, so that a flood makes no
 * flood.
 */
const RESETS_A_SECOND = 200;
const UNREACHABLES_A_SECOND = 100;

/**
 * A tracked packet passes these after its flow is known (priority -200) and before the gateway's own rules (mangle, -150) and translations
 * (-100).
 */
const EARLY = -190;
/** Where translation has been decided: what a flow is translated to is known of its first packet from here on. */
const LATER = 'filter - 10';
const LAST = 'srcnat + 10';

/** All protocols of which nft may be asked what stands in the place of ports; an ICMP error belongs to the flow that it tells of. */
const WITH_SIDES = 'meta l4proto { 1, 6, 17, 33, 47, 58, 132, 136 }';
/**
 * Packets of a flow that has no entry any more. Another flow may be translated to its port meanwhile, and that one is established by its
 * own.
 */
const UNESTABLISHED = 'ct state new,invalid,untracked';
/** Packets that no flow knows: not tracked by a rule, or by the kernel for what is not as it should be. */
const UNKNOWN = 'ct state invalid,untracked';

/**
 * The commands for `nft -f` that put the table there with exactly these blocks, in one step, whatever was there before. `spared`:
 * conditions of packets that are never refused. Numbers, addresses that were parsed and tokens are all that is in it, never text that
 * somebody wrote.
 */
export function blockTable(blocks: readonly BlockText[], spared: readonly PacketCondition[]): string {
  const live = (verdict: string): string => blocks.map(({ token }) => `meta nfproto @live_${token} jump ${verdict}_${token}`).join('\n');
  const base = (hook: string, priority: string | number, first: string, verdict: 'block' | 'late'): string => `chain ${hook} {
type filter hook ${hook} priority ${priority}; policy accept;
${first}jump spared
${live(verdict)}
}`;
  // What we answer ourselves passes output too, as a packet of the flow that is refused.
  const answers =
    'meta l4proto tcp tcp flags & rst == rst accept\nicmp type destination-unreachable icmp code admin-prohibited accept\nicmpv6 type destination-unreachable icmpv6 code admin-prohibited accept\n';
  return `add table ${BLOCK_TABLE}
delete table ${BLOCK_TABLE}
table ${BLOCK_TABLE} {
${blocks.map(objectsOf).join('\n')}
chain refuse {
meta l4proto tcp limit rate ${RESETS_A_SECOND}/second burst ${RESETS_A_SECOND} packets reject with tcp reset
meta l4proto != tcp limit rate ${UNREACHABLES_A_SECOND}/second burst ${UNREACHABLES_A_SECOND} packets reject with icmpx type admin-prohibited
drop
}
chain spared {
icmpv6 type { nd-neighbor-solicit, nd-neighbor-advert, nd-router-solicit, nd-router-advert } accept
${linesOf(spared)
  .map((line) => `${line} accept`)
  .join('\n')}
}
${blocks.map((block) => `${chainOf('block', block, 'goto refuse')}\n${chainOf('late', block, 'drop')}`).join('\n')}
${base('prerouting', EARLY, '', 'block')}
${base('input', LATER, '', 'block')}
${base('forward', LATER, '', 'block')}
${base('output', EARLY, answers, 'block')}
${base('postrouting', LAST, answers, 'late')}
}
${blocks.map((block) => elementsOf(block)).join('')}`;
}

export function noBlockTable(): string {
  return `delete table ${BLOCK_TABLE}\n`;
}

/**
 * What the packets of a flow look like without their entry: those of the client before its source is translated, of the server after its
 * destination is translated back, and of the server to the gateway's own address. None for a protocol without ports, whose packets look
 * like those of others. Throws TypeError for a flow that is not one.
 */
export function flowPackets({ proto, orig, reply }: Flow): string[] {
  if (!hasPorts(proto)) return [];
  const packet = (src: string, dst: string, sport: number | undefined, dport: number | undefined): string =>
    [address(src), address(dst), whole(proto), whole(sport), whole(dport)].join(' . ');
  return [
    ...new Set([
      packet(orig.src, reply.src, orig.sport, reply.sport),
      packet(reply.src, orig.src, reply.sport, orig.sport),
      packet(reply.src, reply.dst, reply.sport, reply.dport),
      packet(orig.src, orig.dst, orig.sport, orig.dport),
    ]),
  ];
}

function objectsOf({ token, leftSeconds, packets, bytes }: BlockText): string {
  return `counter refused_${token} { packets ${packets} bytes ${bytes}
}
set live_${token} { typeof meta nfproto; flags timeout; elements = { ipv4 timeout ${whole(leftSeconds)}s, ipv6 timeout ${whole(leftSeconds)}s }
}
${(['4', '6'] as const)
  .map(
    (
      family,
    ) => `set flows${family}_${token} { type ${addressType(family)} . ${addressType(family)} . inet_proto . inet_service . inet_service;
}`,
  )
  .join('\n')}`;
}

function elementsOf({ token, flows4, flows6 }: BlockText): string {
  return (
    [
      ['4', flows4],
      ['6', flows6],
    ] as const
  )
    .flatMap(([family, flows]) =>
      Array.from(
        { length: Math.ceil(flows.length / BATCH) },
        (_, batch) =>
          `add element ${BLOCK_TABLE} flows${family}_${token} { ${flows.slice(batch * BATCH, (batch + 1) * BATCH).join(', ')} }\n`,
      ),
    )
    .join('');
}

function chainOf(name: 'block' | 'late', { token, conditions }: BlockText, verdict: string): string {
  const flows = [
    ['ip', '4'],
    ['ip6', '6'],
  ].map(([ip, family]) => `${UNESTABLISHED} ${ip} saddr . ${ip} daddr . meta l4proto . th sport . th dport @flows${family}_${token}`);
  const lines = [...flows, ...linesOf(conditions)];
  return `chain ${name}_${token} {\n${lines.map((line) => `${line} counter name refused_${token} ${verdict}`).join('\n')}\n}`;
}

/** The rules without their verdict: by the flow that a packet belongs to, and for packets without one by their header. */
function linesOf(conditions: readonly PacketCondition[]): string[] {
  const lines = checksOfAll(conditions).flatMap((checks) =>
    ([4, 6] as const).flatMap((family) => {
      const own = ofFamily(checks, family);
      if (!own) return [];
      const version = `meta nfproto ipv${family}`;
      return [
        [version, ...ordered(own).map((check) => flowCheck(check, family))].join(' '),
        ...headersOf(own).map((headers) => [version, UNKNOWN, ...ordered(headers).map((check) => headerCheck(check, family))].join(' ')),
      ];
    }),
  );
  return [...new Set(lines)];
}

const ORDER: readonly string[] = [
  'proto',
  'src',
  'dst',
  'rsrc',
  'rdst',
  'saddr',
  'daddr',
  'snat',
  'dnat',
  'sport',
  'dport',
  'rsport',
  'rdport',
];

function ordered<C extends { on: string }>(checks: readonly C[]): C[] {
  return checks.toSorted((a, b) => ORDER.indexOf(a.on) - ORDER.indexOf(b.on));
}

const CT_END = { src: ['original', 'saddr'], dst: ['original', 'daddr'], rsrc: ['reply', 'saddr'], rdst: ['reply', 'daddr'] } as const;
const CT_SIDE = { sport: 'original proto-src', dport: 'original proto-dst', rsport: 'reply proto-src', rdport: 'reply proto-dst' } as const;

function flowCheck(check: Check, family: 4 | 6): string {
  switch (check.on) {
    case 'src':
    case 'dst':
    case 'rsrc':
    case 'rdst': {
      const [direction, end] = CT_END[check.on];
      return `ct ${direction} ${family === 4 ? 'ip' : 'ip6'} ${end} ${prefixSet(check.isNot, check.prefixes)}`;
    }
    case 'sport':
    case 'dport':
    case 'rsport':
    case 'rdport':
      return `${WITH_SIDES} ct ${CT_SIDE[check.on]} ${numberSet(check.isNot, check.ranges)}`;
    case 'proto':
      return `ct original protocol ${numberSet(check.isNot, check.ranges)}`;
    case 'snat':
    case 'dnat':
      return `ct status & ${check.on} ${check.isNot ? '!=' : '=='} ${check.on}`;
    case 'family':
      return '';
  }
}

function headerCheck(check: HeaderCheck, family: 4 | 6): string {
  switch (check.on) {
    case 'saddr':
    case 'daddr':
      return `${family === 4 ? 'ip' : 'ip6'} ${check.on} ${prefixSet(check.isNot, check.prefixes)}`;
    case 'sport':
    case 'dport':
      return `th ${check.on} ${numberSet(check.isNot, check.ranges)}`;
    case 'proto':
      return `meta l4proto ${numberSet(check.isNot, check.ranges)}`;
  }
}

function prefixSet(isNot: boolean, prefixes: readonly Prefix[]): string {
  return setOf(isNot, prefixes.map(formatPrefix));
}

function numberSet(isNot: boolean, ranges: readonly NumberRange[]): string {
  return setOf(
    isNot,
    ranges.map(({ from, to }) => (from === to ? whole(from) : `${whole(from)}-${whole(to)}`)),
  );
}

function setOf(isNot: boolean, values: readonly string[]): string {
  return `${isNot ? '!= ' : ''}{ ${values.join(', ')} }`;
}

function addressType(family: '4' | '6'): string {
  return family === '4' ? 'ipv4_addr' : 'ipv6_addr';
}
