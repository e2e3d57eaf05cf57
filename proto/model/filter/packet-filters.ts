/**
 * The filter for an expression in the syntax of tcpdump, pf or nft, such as `host 10.0.0.5 and port 5060`, `proto tcp from any to 10.0.0.5
 * port 443` or `ip saddr 10.0.0.5 tcp dport 443`. Undefined for anything else, and if `and` and `or` are mixed: tcpdump then reads from
 * left to right.
 */
export function fromPacketFilter(text: string): string | undefined {
  const words = text.match(/&&|\|\||[()!]=?|==?|[^\s()!=&|]+/g) ?? [];
  if (words.length < 2 || words.length > MAX_WORDS) return undefined;
  const reader = new Expression(words);
  const found = reader.either();
  return reader.isAtEnd ? found : undefined;
}

/** A bound, since each bracket is a recursive call. */
const MAX_WORDS = 500;

const FAMILIES: Record<string, string> = { ip: 'ipv4', ip6: 'ipv6', inet: 'ipv4', inet6: 'ipv6' };
const PROTOCOLS: Record<string, string> = {
  tcp: 'tcp',
  udp: 'udp',
  sctp: 'sctp',
  icmp: 'icmp',
  icmp6: 'icmpv6',
  icmpv6: 'icmpv6',
  esp: 'esp',
  ah: 'ah',
  gre: 'gre',
  igmp: 'igmp',
};
/** Words followed by a value, and the equivalent field. */
const FIELDS: Record<string, string> = {
  host: 'host',
  net: 'ip',
  port: 'port',
  portrange: 'port',
  saddr: 'src',
  daddr: 'dst',
  sport: 'sport',
  dport: 'dport',
};
const DIRECTED: Record<string, Record<string, string>> = {
  src: { host: 'src', net: 'src', port: 'sport', portrange: 'sport' },
  dst: { host: 'dst', net: 'dst', port: 'dport', portrange: 'dport' },
};
const KEYWORDS = new Set([
  ...Object.keys({ ...FAMILIES, ...PROTOCOLS, ...FIELDS, ...DIRECTED }),
  'and',
  'or',
  'not',
  '&&',
  '||',
  '!',
  '(',
  ')',
  '=',
  '==',
  '!=',
  'from',
  'to',
  'proto',
  'type',
  'code',
  'any',
]);

class Expression {
  readonly #words: readonly string[];
  #at = 0;
  /** The field of a value without a word of its own: `port 80 or 443`. */
  #field: string | undefined;

  constructor(words: readonly string[]) {
    this.#words = words;
  }

  get isAtEnd(): boolean {
    return this.#at === this.#words.length;
  }

  either(): string | undefined {
    const parts: string[] = [];
    let joint: string | undefined;
    for (;;) {
      const part = this.#one();
      if (part === undefined) return undefined;
      parts.push(part);
      const next = /^(and|&&)$/i.test(this.#peek()) ? ' ' : /^(or|\|\|)$/i.test(this.#peek()) ? ' or ' : undefined;
      if (next === undefined) return parts.join(joint);
      if (joint !== undefined && joint !== next) return undefined;
      joint = next;
      this.#at++;
    }
  }

  #one(): string | undefined {
    if (this.#takes('not', '!')) {
      const inner = this.#one();
      return inner && `-${inner}`;
    }
    if (this.#takes('(')) {
      const inner = this.either();
      return inner !== undefined && this.#takes(')') ? `(${inner})` : undefined;
    }
    const terms: string[] = [];
    for (let before = -1; before !== this.#at;) {
      before = this.#at;
      terms.push(...(this.#terms() ?? []));
    }
    return terms.length < 2 ? terms[0] : `(${terms.join(' ')})`;
  }

  /** The terms for one word and its value; undefined, consuming nothing, if they have no meaning. */
  #terms(): string[] | undefined {
    const start = this.#at;
    const word = this.#next();
    const found = this.#termsOf(word);
    if (!found) this.#at = start;
    return found;
  }

  #termsOf(word: string): string[] | undefined {
    const family = FAMILIES[word];
    if (family) return /^[sd]addr$/.test(this.#peek()) ? [] : [`family:${family}`];
    if (word === 'meta' && /^l4proto$/.test(this.#peek())) return [];
    if (word === 'proto' || word === 'l4proto') return this.#valued('proto');
    if (/^icmp(v?6)?$/.test(word) && /^(type|code)$/.test(this.#peek())) return [`proto:${PROTOCOLS[word]}`, ...this.#icmp()];
    if (Object.hasOwn(PROTOCOLS, word)) return [`proto:${PROTOCOLS[word]}`];
    if (word === 'from' || word === 'to') return this.#end(word === 'from' ? ['src', 'sport'] : ['dst', 'dport']);
    if (Object.hasOwn(FIELDS, word)) return this.#valued(FIELDS[word]!);
    const directed = Object.hasOwn(DIRECTED, word) ? DIRECTED[word] : undefined;
    if (directed) {
      const field = directed[this.#peek()];
      if (field !== undefined) this.#at++;
      return this.#valued(field ?? word);
    }
    const isValue = /^\d|^[\da-f:]*:[\da-f:]*$/i.test(word);
    return isValue && this.#field !== undefined && this.#at > 1 && /^(and|or|&&|\|\|)$/i.test(this.#words[this.#at - 2]!)
      ? [`${this.#field}:${word}`]
      : undefined;
  }

  #icmp(): string[] {
    const terms: string[] = [];
    while (/^(type|code)$/.test(this.#peek())) terms.push(...(this.#valued(`icmp-${this.#next()}`) ?? []));
    return terms;
  }

  /** pf's `10.0.0.0/8 port 5060`; `any` adds no term. */
  #end([address, port]: [string, string]): string[] | undefined {
    const terms = this.#takes('any') ? [] : this.#valued(address);
    if (!terms) return undefined;
    return this.#takes('port') ? [...terms, ...(this.#valued(port) ?? ['?'])] : terms;
  }

  #valued(field: string): string[] | undefined {
    const isNot = this.#takes('!=', '!');
    if (!isNot) this.#takes('=', '==');
    const value = this.#next();
    if (value === '' || (KEYWORDS.has(value.toLowerCase()) && !(field === 'proto' && Object.hasOwn(PROTOCOLS, value)))) return undefined;
    this.#field = field;
    return [`${isNot ? '-' : ''}${field}:${value}`];
  }

  #peek(): string {
    return this.#words[this.#at] ?? '';
  }

  #next(): string {
    return (this.#words[this.#at++] ?? '').toLowerCase();
  }

  #takes(...wanted: string[]): boolean {
    const isIt = wanted.includes(this.#peek().toLowerCase());
    if (isIt) this.#at++;
    return isIt;
  }
}

/** Keys of `diagnose sys session filter`, and the equivalent terms for a value or a range. */
const FORTIOS: Record<string, (value: string) => string> = {
  src: (value) => `src:${value}`,
  dst: (value) => `dst:${value}`,
  sport: (value) => `sport:${value}`,
  dport: (value) => `dport:${value}`,
  proto: (value) => `proto:${value}`,
  nsrc: (value) => `status:snat rdst:${value}`,
  nport: (value) => `status:snat rdport:${value}`,
  duration: (value) => `age:${value}`,
  expire: (value) => `timeout:${value}`,
};

/** The filter for lines of `diagnose sys session filter`, or the first key that has no meaning in a filter. Undefined for anything else. */
export function fromFortios(text: string): { suggestion: string } | { message: string; start: number; end: number } | undefined {
  const terms: string[] = [];
  let at = 0;
  for (const line of text.split('\n')) {
    const start = at;
    at += line.length + 1;
    if (line.trim() === '') continue;
    const [, before, key = '', first, last] =
      /^(\s*(?:diag(?:nose)?\s+)?sys(?:tem)?\s+session6?\s+(?:filter\s+|list\b|clear\b))(\S*)\s*(\S+)?\s*(\S+)?\s*$/i.exec(line) ?? [];
    if (before === undefined) return undefined;
    if (/(list|clear)$/i.test(before)) continue;
    const toTerm = Object.hasOwn(FORTIOS, key.toLowerCase()) ? FORTIOS[key.toLowerCase()] : undefined;
    if (!toTerm || first === undefined) {
      return {
        message: `“${key}” of FortiOS has no meaning in a filter; leave it out`,
        start: start + before.length,
        end: start + before.length + key.length,
      };
    }
    terms.push(toTerm(last === undefined ? first : `${first}-${last}`));
  }
  return terms.length > 0 ? { suggestion: terms.join(' ') } : undefined;
}

/** The filter for `pfctl -k HOST [-k HOST]`. */
export function fromPfctl(text: string): string | undefined {
  const [, from, to] = /^\s*(?:doas\s+|sudo\s+)?pfctl\s+-k\s+(\S+)(?:\s+-k\s+(\S+))?\s*$/.exec(text) ?? [];
  return from && [`src:${from}`, to && `dst:${to}`].filter(Boolean).join(' ');
}
