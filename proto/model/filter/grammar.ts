import { createToken, CstParser, EOF, Lexer, tokenMatcher, type CstNode, type IToken } from 'chevrotain';
import { parsePrefix } from '../address.ts';
import { firstBeyondLimits, type TokenRole } from './limits.ts';

/**
 * The grammar of filters, for console, command line, API, remediations and policies:
 *
 *     query   := [ either ]
 *     either  := both { "or" both }
 *     both    := one { ["and"] one }
 *     one     := ( "-" | "not" ) one | "(" either ")" | term
 *     term    := field ":" value { "," value } | field ( ">" | ">=" | "<" | "<=" ) value | value
 *
 * A bare value is an address, a prefix, a port or address:port on any side. IPv6 has colons of its own, so a word that is an
 * IPv6 address or prefix is taken before a field name is looked for.
 */
const Space = createToken({ name: 'Space', pattern: /\s+/, group: Lexer.SKIPPED });
const Quoted = createToken({ name: 'Quoted', pattern: /"[^"]*"/ });
const Open = createToken({ name: 'Open', pattern: '(' });
const Close = createToken({ name: 'Close', pattern: ')' });
const Comma = createToken({ name: 'Comma', pattern: ',' });
const Compare = createToken({ name: 'Compare', pattern: /[<>]=?/ });
const Colon = createToken({ name: 'Colon', pattern: /[:=]/ });
const Word = createToken({ name: 'Word', pattern: /[^\s():,"<>=-][^\s():,"<>=]*/u });
const Address6 = createToken({ name: 'Address6', pattern: { exec: matchIpv6 }, line_breaks: false, start_chars_hint: [...'0123456789abcdefABCDEF:'] });
const AddressPort = createToken({ name: 'AddressPort', pattern: /\d{1,3}(?:\.\d{1,3}){3}:\d{1,5}(?![^\s()])|\[[0-9a-fA-F:.]+\]:\d{1,5}(?![^\s()])/ });
const Field = createToken({ name: 'Field', pattern: /[A-Za-z][A-Za-z-]*(?=\s*(?:[:=]|[<>]=?))/ });
const Or = createToken({ name: 'Or', pattern: /or(?![^\s()])/i });
const And = createToken({ name: 'And', pattern: /and(?![^\s()])/i });
const Not = createToken({ name: 'Not', pattern: /-|not(?![^\s()])/i });

const TOKENS = [Space, Quoted, Open, Close, Comma, AddressPort, Address6, Field, Compare, Colon, Or, And, Not, Word];

function matchIpv6(text: string, offset: number): [string] | null {
  const before = text[offset - 1];
  if (before !== undefined && !/[\s():,=-]/.test(before)) return null;
  const word = /^[0-9a-fA-F:.]+(?:\/\d{1,3})?(?![^\s(),])/.exec(text.slice(offset, offset + 50))?.[0];
  return word?.includes(':') && parsePrefix(word) ? [word] : null;
}

class FilterParser extends CstParser {
  readonly query = this.RULE('query', () => {
    this.OPTION(() => this.SUBRULE(this.either));
  });

  readonly either = this.RULE('either', () => {
    this.AT_LEAST_ONE_SEP({ SEP: Or, DEF: () => this.SUBRULE(this.both) });
  });

  readonly both = this.RULE('both', () => {
    this.SUBRULE(this.one);
    this.MANY(() => {
      this.OPTION(() => this.CONSUME(And));
      this.SUBRULE2(this.one);
    });
  });

  readonly one = this.RULE('one', () => {
    this.OR([
      { ALT: () => { this.CONSUME(Not); this.SUBRULE(this.one); } },
      { ALT: () => { this.CONSUME(Open); this.SUBRULE(this.either); this.CONSUME(Close); } },
      { ALT: () => this.SUBRULE(this.fieldTerm) },
      { ALT: () => this.SUBRULE(this.value) },
    ]);
  });

  readonly fieldTerm = this.RULE('fieldTerm', () => {
    this.CONSUME(Field);
    this.OR([
      { ALT: () => { this.CONSUME(Colon); this.AT_LEAST_ONE_SEP({ SEP: Comma, DEF: () => this.SUBRULE(this.value) }); } },
      { ALT: () => { this.CONSUME(Compare); this.SUBRULE2(this.value); } },
    ]);
  });

  readonly value = this.RULE('value', () => {
    this.OR([Quoted, AddressPort, Address6, Word].map((token) => ({ ALT: () => this.CONSUME(token) })));
  });

  constructor() {
    super(TOKENS, { recoveryEnabled: false, maxLookahead: 2 });
    this.performSelfAnalysis();
  }
}

const lexer = new Lexer(TOKENS, { positionTracking: 'onlyOffset' });
const parser = new FilterParser();

/** The first place where a text leaves the grammar. */
export interface SyntaxProblem { token: IToken | undefined; message: string; start: number; end: number }

/** The tree of a text, or the first place where it leaves the grammar. */
export function parseSyntax(text: string): { tree: CstNode } | { problem: SyntaxProblem } {
  const { tokens, errors } = lexer.tokenize(text);
  const lexical = errors[0];
  if (lexical) {
    const start = lexical.offset;
    const message = text[start] === '"' ? 'This quotation mark is never closed' : `“${text.slice(start, start + lexical.length)}” has no meaning here`;
    return { problem: { token: undefined, message, start, end: start + lexical.length } };
  }
  // Before the parser, which calls itself for each level.
  const beyond = firstBeyondLimits(tokens.map(roleOf));
  if (beyond) {
    const token = tokens[beyond.index]!;
    return { problem: { token, message: beyond.message, start: token.startOffset, end: token.startOffset + token.image.length } };
  }
  parser.input = tokens;
  const tree = parser.query();
  const syntactic = parser.errors[0];
  if (!syntactic) return { tree };
  const isAtEnd = tokenMatcher(syntactic.token, EOF);
  const token = isAtEnd ? tokens.at(-1) : syntactic.token;
  return { problem: { token, message: describe(token, isAtEnd), start: token?.startOffset ?? 0, end: token ? token.startOffset + token.image.length : 0 } };
}

function roleOf({ tokenType }: IToken): TokenRole {
  switch (tokenType) {
    case Not: return 'not';
    case Open: return 'open';
    case Close: return 'close';
    case Comma: return 'comma';
    case AddressPort: return 'pair';
    case Quoted:
    case Address6:
    case Word: return 'value';
    default: return 'other';
  }
}

/** The tokens of a text as far as they can be read; for completion. */
export function tokensOf(text: string): IToken[] {
  return lexer.tokenize(text).tokens;
}

export { Field as FieldToken, Colon as ColonToken, Comma as CommaToken, Compare as CompareToken, tokenMatcher };

function describe(token: IToken | undefined, isAtEnd: boolean): string {
  if (!token) return 'Something is missing here';
  if (isAtEnd) {
    if (tokenMatcher(token, Colon) || tokenMatcher(token, Compare) || tokenMatcher(token, Comma)) return `A value is missing after “${token.image}”`;
    if (tokenMatcher(token, Or) || tokenMatcher(token, And) || tokenMatcher(token, Not)) return `A term is missing after “${token.image}”`;
    return 'A closing “)” is missing';
  }
  if (tokenMatcher(token, Close)) return 'This “)” closes nothing, or the brackets hold nothing';
  return `“${token.image}” cannot stand here`;
}
