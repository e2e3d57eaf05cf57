import type { OptionGroup } from './command.ts';

export const FORMATS = ['table', 'wide', 'json', 'yaml', 'csv', 'ndjson', 'name'] as const;
export type Format = (typeof FORMATS)[number];

export const GENERAL: OptionGroup = {
  title: 'Everywhere',
  options: [
    { name: 'context', value: 'NAME', words: 'the controller to ask, instead of the one in use' },
    { name: 'plain-http', words: 'allow http:// to a controller on another machine; the token is then readable on the way' },
    { name: 'help', short: 'h', words: 'this help' },
  ],
};

export const OUTPUT: OptionGroup = {
  title: 'Output',
  options: [
    { name: 'output', short: 'o', value: 'FORMAT', choices: FORMATS, words: 'table (default), wide, json, yaml, csv, ndjson or name' },
    { name: 'no-headers', words: 'no line with the names of columns' },
  ],
};

export const SCOPE: OptionGroup = {
  title: 'Which gateways; names or ids, together narrower, each repeatable',
  options: [
    { name: 'tenant', value: 'TENANT', isRepeatable: true, words: 'of this tenant' },
    { name: 'site', value: 'SITE', isRepeatable: true, words: 'at this site' },
    { name: 'gateway', value: 'GATEWAY', isRepeatable: true, words: 'this gateway' },
    { name: 'tag', value: 'TAG', isRepeatable: true, words: 'with this tag' },
  ],
};

/** Names are those of conntrack(8); what each means is said by proto/model/filter/conntrack-arguments.ts. */
export const SELECTION: OptionGroup = {
  title: 'Which flows; all must hold, as with conntrack(8)',
  options: [
    { name: 'proto', short: 'p', aliases: ['protonum'], value: 'PROTO', words: 'protocol: udp, tcp, icmp, 47 …' },
    { name: 'family', short: 'f', value: 'FAMILY', choices: ['ipv4', 'ipv6'], words: 'ipv4 or ipv6; without it both' },
    { name: 'orig-src', short: 's', aliases: ['src'], value: 'ADDRESS', words: 'source, original direction; an address or a prefix' },
    { name: 'orig-dst', short: 'd', aliases: ['dst'], value: 'ADDRESS', words: 'destination, original direction' },
    { name: 'reply-src', short: 'r', value: 'ADDRESS', words: 'source, reply direction' },
    { name: 'reply-dst', short: 'q', value: 'ADDRESS', words: 'destination, reply direction: the address of a WAN' },
    { name: 'sport', aliases: ['orig-port-src'], value: 'PORT', words: 'source port, original direction' },
    { name: 'dport', aliases: ['orig-port-dst'], value: 'PORT', words: 'destination port, original direction' },
    { name: 'reply-port-src', value: 'PORT', words: 'source port, reply direction' },
    { name: 'reply-port-dst', value: 'PORT', words: 'destination port, reply direction' },
    { name: 'icmp-type', value: 'TYPE', words: 'ICMP type' },
    { name: 'icmp-code', value: 'CODE', words: 'ICMP code' },
    { name: 'icmp-id', value: 'ID', words: 'ICMP id' },
    { name: 'srckey', aliases: ['orig-key-src'], value: 'KEY', words: 'GRE key, original direction' },
    { name: 'dstkey', aliases: ['orig-key-dst'], value: 'KEY', words: 'GRE key, original direction' },
    { name: 'reply-key-src', value: 'KEY', words: 'GRE key, reply direction' },
    { name: 'reply-key-dst', value: 'KEY', words: 'GRE key, reply direction' },
    { name: 'state', value: 'STATE', words: 'state of TCP, SCTP or DCCP: ESTABLISHED, TIME_WAIT …' },
    { name: 'status', short: 'u', value: 'STATUS', words: 'ASSURED, UNREPLIED, SEEN_REPLY …; several with commas must all hold' },
    { name: 'mark', short: 'm', value: 'MARK', words: 'mark, with an optional mask: 0x100/0xff00' },
    { name: 'label', short: 'l', value: 'LABEL', words: 'label' },
    { name: 'zone', short: 'w', value: 'ZONE', words: 'zone' },
    { name: 'orig-zone', value: 'ZONE', words: 'zone of the original direction only' },
    { name: 'reply-zone', value: 'ZONE', words: 'zone of the reply direction only' },
    { name: 'src-nat', short: 'n', value: 'ADDRESS', isValueOptional: true, words: 'translated source, to this address if given' },
    { name: 'dst-nat', short: 'g', value: 'ADDRESS', isValueOptional: true, words: 'translated destination, from this address if given' },
    { name: 'any-nat', short: 'j', value: 'ADDRESS', isValueOptional: true, words: 'any translation' },
    { name: 'id', short: 'i', value: 'ID', words: 'the kernel’s id of the entry' },
    { name: 'filter', value: 'FILTER', words: 'the console’s grammar, in addition: "wan:wan1 age>5m"' },
    { name: 'show-query', words: 'say the filter that all of this comes to' },
  ],
};

export const WATCH: OptionGroup = {
  title: 'Again and again',
  options: [
    { name: 'watch', words: 'show it again as it changes, until Ctrl-C' },
    { name: 'interval', value: 'SECONDS', words: 'with --watch: the seconds between two looks, 1 to 3600 (2)' },
  ],
};

export const CONFIRM: OptionGroup = {
  title: 'Before it is done',
  options: [
    { name: 'yes', short: 'y', words: 'do not ask; needs --expect' },
    { name: 'expect', value: 'N', words: 'how many there must be, 312 or 300..330; otherwise nothing is touched' },
    { name: 'reason', value: 'TEXT', words: 'why; goes into the audit trail' },
    { name: 'ticket', value: 'TICKET', words: 'number of a ticket' },
  ],
};
