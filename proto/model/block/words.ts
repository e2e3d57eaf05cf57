import { formatPrefix } from '../address.ts';
import { protocolName } from '../protocol.ts';
import type { NumberRange, PacketCondition, PacketField, PacketTest, RefusedPackets } from './packets.ts';

/** Values named in one phrase; of more the rest is counted. */
const MAX_NAMED = 6;

const ENDS: Partial<Record<PacketField, string>> = {
  ip: 'from and to', src: 'of connections that begin at', dst: 'of connections to', rsrc: 'of connections answered by', rdst: 'of connections answered to', nat: 'of connections translated to',
};
const NUMBERS: Partial<Record<PacketField, string>> = {
  port: 'with port', sport: 'of connections from port', dport: 'of connections to port', rsport: 'of connections answered by port', rdport: 'of connections answered to port',
  'icmp-type': 'of type', 'icmp-code': 'of code', 'icmp-id': 'with id', key: 'with key', srckey: 'with source key', dstkey: 'with destination key', rsrckey: 'with the answer’s source key', rdstkey: 'with the answer’s destination key',
};

/** “Every packet from and to 10.0.0.2, for 60 s”: what a block refuses, in one line for people. */
export function describeRefused({ anyOf, seconds }: RefusedPackets): string {
  const all = anyOf.map(describeCondition).join('; ') || 'only the packets of these flows: a new one from another port gets through';
  return `${all[0]!.toUpperCase()}${all.slice(1)}, for ${seconds} s`;
}

/** “every TCP packet of connections to 198.51.100.20, but not of connections to port 22”. */
export function describeCondition(condition: PacketCondition): string {
  const is = condition.filter(({ isNot }) => !isNot);
  const isNot = condition.filter((test) => test.isNot);
  const kind = (field: PacketField, name: (number: number) => string): string => is.filter((test) => test.field === field).map(({ ranges }) => ` ${named(ranges, name, 'and')}`).join('');
  const packets = `every${kind('family', (family) => `IPv${family}`)}${kind('proto', (proto) => protocolName(proto).toUpperCase())} packet`;
  const phrases = is.filter(({ field }) => field !== 'family' && field !== 'proto').map((test) => ` ${phraseOf(test)}`).join('');
  return `${packets}${phrases}${isNot.map((test) => `, but not ${phraseOf(test)}`).join('')}`;
}

function phraseOf({ field, prefixes, ranges }: PacketTest): string {
  const numbers = (name: (number: number) => string = String): string => named(ranges, name, 'or');
  if (field === 'proto') return `${numbers((proto) => protocolName(proto).toUpperCase())}`;
  if (field === 'family') return numbers((family) => `IPv${family}`);
  if (prefixes.length === 0) return `${NUMBERS[field]} ${numbers()}`;
  return `${ENDS[field]} ${listed(prefixes.map(formatPrefix), 'or')}${ranges.length > 0 ? ` port ${numbers()}` : ''}`;
}

function named(ranges: readonly NumberRange[], name: (number: number) => string, word: 'and' | 'or'): string {
  return listed(ranges.map(({ from, to }) => (from === to ? name(from) : `${name(from)} to ${name(to)}`)), word);
}

function listed(values: string[], word: 'and' | 'or'): string {
  if (values.length === 0) return 'none';
  const shown = values.length > MAX_NAMED ? [...values.slice(0, MAX_NAMED), `${values.length - MAX_NAMED} more`] : values;
  return shown.length === 1 ? shown[0]! : `${shown.slice(0, -1).join(', ')} ${word} ${shown.at(-1)}`;
}
