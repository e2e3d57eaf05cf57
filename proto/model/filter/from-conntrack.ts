import { fieldNamed } from './fields.ts';
import { parseValue, quoteWord } from './values.ts';

/** Options of conntrack(8) that choose entries, and the field that asks the same. */
const OPTIONS: Record<string, string> = {
  '-p': 'proto', '--proto': 'proto', '--protonum': 'proto', '-f': 'family', '--family': 'family',
  '-s': 'src', '--src': 'src', '--orig-src': 'src', '-d': 'dst', '--dst': 'dst', '--orig-dst': 'dst',
  '-r': 'rsrc', '--reply-src': 'rsrc', '-q': 'rdst', '--reply-dst': 'rdst',
  '--sport': 'sport', '--orig-port-src': 'sport', '--dport': 'dport', '--orig-port-dst': 'dport', '--reply-port-src': 'rsport', '--reply-port-dst': 'rdport',
  '--state': 'state', '-u': 'status', '--status': 'status', '-m': 'mark', '--mark': 'mark', '-w': 'zone', '--zone': 'zone', '-l': 'label', '--label': 'label',
  '-n': 'rdst', '--src-nat': 'rdst', '-g': 'rsrc', '--dst-nat': 'rsrc', '-j': 'nat', '--any-nat': 'nat', '-i': 'id', '--id': 'id',
};

/** conntrack's names of status bits in our words. */
const STATUS: Record<string, string> = { SEEN_REPLY: 'replied', UNREPLIED: 'unreplied', FIXED_TIMEOUT: 'fixed-timeout' };

/** What `-n`, `-g` and `-j` mean without an address. */
const BARE_NAT: Record<string, string> = { '-n': 'status:snat', '--src-nat': 'status:snat', '-g': 'status:dnat', '--dst-nat': 'status:dnat', '-j': 'status:nat', '--any-nat': 'status:nat' };

/** The filter that asks what these arguments of conntrack(8) ask; undefined if one of them has no counterpart. */
export function fromConntrackArguments(text: string): string | undefined {
  const words = text.trim().split(/[\s=]+/).filter((word, index) => !(index === 0 && word === 'conntrack'));
  const terms: string[] = [];
  for (let index = 0; index < words.length; index++) {
    const option = words[index]!;
    if (/^-[LDE]$|^--(dump|delete|event)$|^-o$|^--output$/.test(option)) {
      if (option === '-o' || option === '--output') index++;
      continue;
    }
    const name = OPTIONS[option];
    const next = words[index + 1];
    if (!name) return undefined;
    if (option in BARE_NAT) {
      terms.push(BARE_NAT[option]!);
      if (next === undefined || next.startsWith('-')) continue;
    }
    if (next === undefined || next.startsWith('-')) return undefined;
    index++;
    const value = name === 'status' ? (STATUS[next.toUpperCase()] ?? next.toLowerCase()) : name === 'state' ? next.toLowerCase().replaceAll('_', '-') : next;
    if ('message' in parseValue(fieldNamed(name)!, value)) return undefined;
    terms.push(`${name}:${quoteWord(value)}`);
  }
  return terms.length > 0 ? terms.join(' ') : undefined;
}
