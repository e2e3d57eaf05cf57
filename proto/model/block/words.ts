import { formatPrefix } from '../address.ts';
import { protocolName } from '../protocol.ts';
import type { NumberRange, PacketCondition, PacketField, PacketTest, RefusedPackets } from './packets.ts';

/** Values named in one phrase; any further ones are only counted. */
const MAX_NAMED = 6;

/** Wording of a test of an address or number; those of a connection follow “of connections”. */
const WORDS: Partial<Record<PacketField, { words: string; isOfConnection?: true }>> = {
  ip: { words: 'from and to' },
  port: { words: 'with port' },
  key: { words: 'with key' },
  'icmp-type': { words: 'of ICMP type' },
  'icmp-code': { words: 'of ICMP code' },
  'icmp-id': { words: 'with ICMP id' },
  src: { words: 'from', isOfConnection: true },
  dst: { words: 'to', isOfConnection: true },
  nat: { words: 'translated to', isOfConnection: true },
  rsrc: { words: 'answered by', isOfConnection: true },
  rdst: { words: 'answered to', isOfConnection: true },
  sport: { words: 'from port', isOfConnection: true },
  dport: { words: 'to port', isOfConnection: true },
  rsport: { words: 'answered from port', isOfConnection: true },
  rdport: { words: 'answered to port', isOfConnection: true },
  srckey: { words: 'from key', isOfConnection: true },
  dstkey: { words: 'to key', isOfConnection: true },
  rsrckey: { words: 'answered from key', isOfConnection: true },
  rdstkey: { words: 'answered to key', isOfConnection: true },
};

/** “every packet from and to 10.0.0.2, for 60 s”: what a block refuses, in one line for people. */
export function describeRefused({ anyOf, seconds }: RefusedPackets): string {
  return `${anyOf.map(describeCondition).join('; ') || 'only the packets of these connections; a new one from another port gets through'}, for ${seconds} s`;
}

/** “every TCP packet of connections from 10.0.0.0/8, to 198.51.100.20, but not of connections to port 22”. */
export function describeCondition(condition: PacketCondition): string {
  const is = condition.filter(({ isNot }) => !isNot);
  const kind = (field: PacketField): string =>
    is
      .filter((test) => test.field === field)
      .map((test) => ` ${kindOf(test, 'and')}`)
      .join('');
  const told = is.filter(({ field }) => WORDS[field]);
  const plain = told
    .filter(({ field }) => !WORDS[field]!.isOfConnection)
    .map((test) => ` ${phraseOf(test)}`)
    .join('');
  const ofConnections = told
    .filter(({ field }) => WORDS[field]!.isOfConnection)
    .map(phraseOf)
    .join(', ');
  const left = condition
    .filter(({ isNot }) => isNot)
    .map(
      (test) =>
        `, but not ${WORDS[test.field] ? `${WORDS[test.field]!.isOfConnection ? 'of connections ' : ''}${phraseOf(test)}` : kindOf(test, 'or')}`,
    )
    .join('');
  return `every${kind('family')}${kind('proto')} packet${plain}${ofConnections && ` of connections ${ofConnections}`}${left}`;
}

function kindOf({ field, ranges }: PacketTest, word: 'and' | 'or'): string {
  return named(ranges, field === 'family' ? (family) => `IPv${family}` : (proto) => protocolName(proto).toUpperCase(), word);
}

function phraseOf({ field, prefixes, ranges }: PacketTest): string {
  const numbers = named(ranges, String, 'or');
  const { words } = WORDS[field]!;
  if (prefixes.length === 0) return `${words} ${numbers}`;
  return `${words} ${listed(prefixes.map(formatPrefix), 'or')}${ranges.length > 0 ? ` port ${numbers}` : ''}`;
}

function named(ranges: readonly NumberRange[], name: (number: number) => string, word: 'and' | 'or'): string {
  return listed(
    ranges.map(({ from, to }) => (from === to ? name(from) : `${name(from)} to ${name(to)}`)),
    word,
  );
}

function listed(values: string[], word: 'and' | 'or'): string {
  if (values.length === 0) return 'none';
  const shown = values.length > MAX_NAMED ? [...values.slice(0, MAX_NAMED), `${values.length - MAX_NAMED} more`] : values;
  return shown.length === 1 ? shown[0]! : `${shown.slice(0, -1).join(', ')} ${word} ${shown.at(-1)}`;
}
