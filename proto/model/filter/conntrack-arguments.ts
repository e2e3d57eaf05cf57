import { spell } from './values.ts';
import { fieldNamed } from './fields.ts';
import type { FieldName, FilterProblem } from './filter.ts';

/** Options of conntrack(8) that select entries, and the equivalent field. */
export const SELECTING_OPTIONS: Record<string, FieldName> = {
  '-p': 'proto',
  '--proto': 'proto',
  '--protonum': 'proto',
  '-f': 'family',
  '--family': 'family',
  '-s': 'src',
  '--src': 'src',
  '--orig-src': 'src',
  '-d': 'dst',
  '--dst': 'dst',
  '--orig-dst': 'dst',
  '-r': 'rsrc',
  '--reply-src': 'rsrc',
  '-q': 'rdst',
  '--reply-dst': 'rdst',
  '--sport': 'sport',
  '--orig-port-src': 'sport',
  '--dport': 'dport',
  '--orig-port-dst': 'dport',
  '--reply-port-src': 'rsport',
  '--reply-port-dst': 'rdport',
  '--icmp-type': 'icmp-type',
  '--icmp-code': 'icmp-code',
  '--icmp-id': 'icmp-id',
  '--srckey': 'srckey',
  '--orig-key-src': 'srckey',
  '--dstkey': 'dstkey',
  '--orig-key-dst': 'dstkey',
  '--reply-key-src': 'rsrckey',
  '--reply-key-dst': 'rdstkey',
  '--state': 'state',
  '-u': 'status',
  '--status': 'status',
  '-m': 'mark',
  '--mark': 'mark',
  '-l': 'label',
  '--label': 'label',
  '-w': 'zone',
  '--zone': 'zone',
  '--orig-zone': 'orig-zone',
  '--reply-zone': 'reply-zone',
  '-n': 'rdst',
  '--src-nat': 'rdst',
  '-g': 'rsrc',
  '--dst-nat': 'rsrc',
  '-j': 'nat',
  '--any-nat': 'nat',
  '-i': 'id',
  '--id': 'id',
};

/** Options for what is done with the entries, which a filter does not express; true if a value follows. */
const NEUTRAL: Record<string, boolean> = {
  '-L': false,
  '--dump': false,
  '-D': false,
  '--delete': false,
  '-E': false,
  '--event': false,
  '-G': false,
  '--get': false,
  '-o': true,
  '--output': true,
};

/** What an option implies in addition to its address, or alone without one. */
const STATUS_OF: Record<string, string> = {
  '-n': 'status:snat',
  '--src-nat': 'status:snat',
  '-g': 'status:dnat',
  '--dst-nat': 'status:dnat',
  '-j': 'status:nat',
  '--any-nat': 'status:nat',
};

/** The program accepts several of these, and all must hold. */
const LISTS = new Set<FieldName>(['status', 'label']);
/** The program's names of status bits, in our terms. */
const STATUS: Record<string, string> = { seen_reply: 'replied' };

export function isConntrackArguments(text: string): boolean {
  return /^\s*(?:(?:sudo\s+)?conntrack(?=\s|$)|-[a-z](?=\s|$)|--[a-z][a-z-]*(?=[\s=]|$))/i.test(text);
}

/** The filter equivalent to these arguments of conntrack(8), or the first of them that has no meaning in a filter. */
export function fromConntrackArguments(text: string): FilterProblem {
  const begin = /^\s*(?:(?:sudo\s+)?conntrack(?=\s|$))?/.exec(text)![0].length;
  const words = [...text.slice(begin).matchAll(/[^\s=]+/g)].map(({ 0: word, index }) => ({
    word,
    start: begin + index,
    end: begin + index + word.length,
  }));
  const terms: string[] = [];
  for (let index = 0; index < words.length; index++) {
    const { word: option, start, end } = words[index]!;
    const place = { start, end };
    if (Object.hasOwn(NEUTRAL, option)) {
      if (NEUTRAL[option] || words[index + 1]?.word === 'conntrack') index++;
      continue;
    }
    if (/^(-F|--flush)$/.test(option)) {
      return {
        message: `“${option}” of the conntrack program ends every flow; to plan that, use the word all instead of a filter`,
        ...place,
      };
    }
    const name = Object.hasOwn(SELECTING_OPTIONS, option) ? SELECTING_OPTIONS[option]! : undefined;
    if (!name) return { message: `“${option}” of the conntrack program has no meaning in a filter; leave it out`, ...place };
    const next = words[index + 1];
    const hasValue = next !== undefined && !next.word.startsWith('-');
    if (!hasValue && !isValueOptional(option)) return { message: `“${option}” of the conntrack program needs a value`, ...place };
    terms.push(...termsOfOption(option, hasValue ? next.word : undefined));
    if (hasValue) index++;
  }
  if (terms.length === 0) {
    return { message: 'These arguments of the conntrack program select every flow; leave the filter empty', start: 0, end: text.length };
  }
  return { message: 'These are arguments of the conntrack program', start: 0, end: text.length, suggestion: terms.join(' ') };
}

/** True for an option that also stands alone: `-n` is any flow with a translated source. */
export function isValueOptional(option: string): boolean {
  return Object.hasOwn(STATUS_OF, option);
}

/** The terms that one of SELECTING_OPTIONS stands for, all of which must hold. */
export function termsOfOption(option: string, value: string | undefined): string[] {
  const name = SELECTING_OPTIONS[option]!;
  const status = isValueOptional(option) && !(value !== undefined && name === 'nat') ? [STATUS_OF[option]!] : [];
  const values = value === undefined ? [] : LISTS.has(name) ? value.split(',') : [value];
  return [...status, ...values.map((one) => `${name}:${spell(fieldNamed(name)!, valueOf(name, one))}`)];
}

function valueOf(name: FieldName, value: string): string {
  const word = value.toLowerCase();
  return name === 'status' ? (STATUS[word] ?? word.replaceAll('_', '-')) : name === 'state' ? word.replaceAll('_', '-') : value;
}
