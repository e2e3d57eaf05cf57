import { protocolName, PROTOCOLS } from '../protocol.ts';
import { SERVICES } from '../services.ts';
import { DCCP_STATES, SCTP_STATES, STATE_ALIASES, TCP_STATES } from '../states.ts';
import { STATUS_WORDS } from '../status.ts';
import { STALE_WORDS } from '../stale.ts';
import type { FieldName } from './filter.ts';

/** How a field's value is written; values.ts parses and formats each kind. */
export type ValueKind =
  | 'prefix'
  | 'address'
  | 'port'
  | 'number'
  | 'duration'
  | 'size'
  | 'bits'
  | 'octet'
  | 'key'
  | 'mark'
  | 'name'
  | 'word'
  | 'protocol'
  | 'family';

export interface Field {
  name: FieldName;
  aliases: string[];
  kind: ValueKind;
  /** For kind `word`: all words. For others: what completion offers. */
  words: string[];
  /** `none` matches flows without a value. */
  canBeNone: boolean;
  /** One line of help, with an example. */
  help: string;
}

const stateWords = [
  ...new Set<string>([
    ...STATE_ALIASES,
    'established',
    ...[...TCP_STATES, ...SCTP_STATES, ...DCCP_STATES].map((state) => state.toLowerCase().replaceAll('_', '-')),
  ]),
].filter((word) => word !== 'none');

function field(
  name: FieldName,
  kind: ValueKind,
  help: string,
  { aliases = [], words = [], canBeNone = false }: { aliases?: string[]; words?: string[]; canBeNone?: boolean } = {},
): Field {
  return { name, aliases, kind, words, canBeNone, help };
}

/** Every field of the grammar, in the order of the help. */
export const FIELDS: readonly Field[] = [
  field('tenant', 'name', 'Tenant by name or id: tenant:"Pine Logistics"', { aliases: ['customer'] }),
  field('site', 'name', 'Site by name or id: site:mil*'),
  field('gateway', 'name', 'Gateway by name or id: gateway:lyon-gw1', { aliases: ['gw'] }),
  field('tag', 'name', 'Gateways with a tag: tag:voip'),
  field('wan', 'name', 'WAN whose address the flow uses, by the gateway’s own naming, or none: wan:wan1', { canBeNone: true }),
  field('next-wan', 'name', 'WAN by which the flow would leave if it began now, or none: next-wan:wan1 -wan:wan1', { canBeNone: true }),
  field('proto', 'protocol', 'Protocol by name or number: proto:udp,tcp', {
    aliases: ['protocol', 'l4proto'],
    words: Object.values(PROTOCOLS).map(protocolName),
  }),
  field('family', 'family', 'IP version: family:ipv6', { words: ['ipv4', 'ipv6'] }),
  field('state', 'word', 'State: new, established, related, time-wait … state:syn-sent', { words: stateWords }),
  field('status', 'word', 'Status bit: assured, unreplied, snat, offload … status:assured', { words: STATUS_WORDS }),
  field('app', 'word', 'Service by protocol and destination port: app:sip', { words: Object.keys(SERVICES) }),
  field('ip', 'prefix', 'Address or prefix on any side of either tuple: ip:203.0.113.7, ip:203.0.113.7:5060', { aliases: ['addr', 'net'] }),
  field('src', 'prefix', 'Original source: src:10.0.0.0/8', { aliases: ['srcip', 'saddr', 'orig-src'] }),
  field('dst', 'prefix', 'Original destination: dst:198.51.100.20', { aliases: ['dstip', 'daddr', 'orig-dst'] }),
  field('rsrc', 'prefix', 'Reply source: rsrc:198.51.100.20', { aliases: ['reply-src'] }),
  field('rdst', 'prefix', 'Reply destination, the translated address of an outbound flow: rdst:203.0.113.7', { aliases: ['reply-dst'] }),
  field('nat', 'prefix', 'Translated address: nat:203.0.113.7'),
  field('host', 'address', 'One host on any side: host:10.2.3.4'),
  field('port', 'port', 'Port on any side of either tuple: port:5060-5061'),
  field('sport', 'port', 'Original source port: sport:5060', { aliases: ['srcport'] }),
  field('dport', 'port', 'Original destination port: dport:443', { aliases: ['dstport'] }),
  field('rsport', 'port', 'Reply source port: rsport:443'),
  field('rdport', 'port', 'Reply destination port: rdport:34572'),
  field('icmp-type', 'octet', 'Type of ICMP or ICMPv6: icmp-type:8'),
  field('icmp-code', 'octet', 'Code of ICMP or ICMPv6: icmp-code:0'),
  field('icmp-id', 'key', 'Id of ICMP or ICMPv6, one for each ping: icmp-id:4242'),
  field('key', 'key', 'GRE key or PPTP call id on any side of either tuple: key:4242', { aliases: ['call-id', 'callid'] }),
  field('srckey', 'key', 'Original source key or call id: srckey:4242'),
  field('dstkey', 'key', 'Original destination key or call id: dstkey:0x1092'),
  field('rsrckey', 'key', 'Reply source key or call id: rsrckey:4242'),
  field('rdstkey', 'key', 'Reply destination key or call id: rdstkey:64475'),
  field('mark', 'mark', 'Mark, with a mask if wanted: mark:0x100/0xff00'),
  field('zone', 'number', 'Zone of the flow or of a direction: zone:7'),
  field('orig-zone', 'number', 'Zone of the original direction only, or none: orig-zone:7', { aliases: ['zone-orig'], canBeNone: true }),
  field('reply-zone', 'number', 'Zone of the reply direction only, or none: reply-zone:none', { aliases: ['zone-reply'], canBeNone: true }),
  field('label', 'name', 'Label by name or bit: label:voip', { canBeNone: true }),
  field('helper', 'name', 'Helper, or none: helper:sip', { canBeNone: true }),
  field('age', 'duration', 'Time since it began: age>5m'),
  field('idle', 'duration', 'Time since its last packet: idle>120s'),
  field('timeout', 'duration', 'Time until it ends unless a packet comes: timeout<10s'),
  field('bytes', 'size', 'Bytes of both directions: bytes>1M'),
  field('packets', 'size', 'Packets of both directions: packets<10', { aliases: ['pkts'] }),
  field('rate', 'bits', 'Bits a second carried now: rate>1M'),
  field('stale', 'word', 'Flow that is stuck until it is deleted: stale:yes, or why: stale:route-moved', { words: STALE_WORDS }),
  field('id', 'number', 'The kernel’s id of an entry: id:3221225'),
];

const BY_NAME = new Map(FIELDS.flatMap((one) => [one.name, ...one.aliases].map((name) => [name, one] as const)));

/** The field of a name or alias, any case. */
export function fieldNamed(name: string): Field | undefined {
  return BY_NAME.get(name.toLowerCase());
}

/** All names and aliases. */
export const FIELD_WORDS: readonly string[] = [...BY_NAME.keys()];

/** True if `>`, `<`, `>=` and `<=` make sense. */
export function isComparable(kind: ValueKind): boolean {
  return (
    kind === 'port' || kind === 'number' || kind === 'octet' || kind === 'key' || kind === 'duration' || kind === 'size' || kind === 'bits'
  );
}
