import { createToken, CstParser, EOF, Lexer, tokenMatcher, type CstNode, type IToken } from 'chevrotain';
import { parseAddresses } from './addresses.ts';
import { fieldNamed } from './fields.ts';
import { firstBeyondLimits, type TokenRole } from './limits.ts';

/**
 * The grammar of filters, for console, command line, API, remediations and policies:
 *
 *     query   := [ either ]
 *     either  := both { ( "or" | "||" ) both }
 *     both    := one { [ "and" | "&&" ] one }
 *     one     := ( "-" | "!" | "not" ) one | "(" either ")" | term
 *     term    := field ( ":" | "=" | "==" | "!=" ) item { "," item } | field [ ":" ] ( ">" | ">=" | "<" | "<=" ) value | value
 *     item    := [ "!" ] value
 *
 * A bare value is an address, a prefix, a port or address:port on any side. IPv6 contains colons, so a word that is an IPv6 address or
 * prefix is recognised before a field name is looked for, and the colon of a field is never the first of `::`.
 */
const Space = createToken({ name: 'Space', pattern: /\s+/, group: Lexer.SKIPPED });
const Quoted = createToken({ name: 'Quoted', pattern: /"[^"]*"/ });
const Open = createToken({ name: 'Open', pattern: '(' });
const Close = createToken({ name: 'Close', pattern: ')' });
const Comma = createToken({ name: 'Comma', pattern: ',' });
const Compare = createToken({ name: 'Compare', pattern: /[<>]=?/ });
const Differs = createToken({ name: 'Differs', pattern: '!=' });
const Colon = createToken({ name: 'Colon', pattern: /:|==?/ });
const Word = createToken({ name: 'Word', pattern: /(?!&&|\|\|)[^\s():,"<>=!-](?:(?!&&|\|\||!=)[^\s():,"<>=])*/u });
const Address6 = createToken({
  name: 'Address6',
  pattern: { exec: matchIpv6 },
  line_breaks: false,
  start_chars_hint: [...'0123456789abcdefABCDEF:['],
});
const AddressPort = createToken({
  name: 'AddressPort',
  pattern: /(?:\d{1,3}(?:\.\d{1,3}){3}(?:\/\d{1,2})?|\[[0-9a-fA-F:.]+(?:\/\d{1,3})?\]):[A-Za-z\d][\w-]*(?![^\s(),])/,
});
const PortPair = createToken({ name: 'PortPair', pattern: /\d{1,5}:\d{1,5}(?![^\s(),])/ });
const Field = createToken({
  name: 'Field',
  pattern: { exec: matchField },
  line_breaks: false,
  start_chars_hint: [...'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz'],
});
const Or = createToken({ name: 'Or', pattern: /or(?![^\s()])|\|\|/i });
const And = createToken({ name: 'And', pattern: /and(?![^\s()])|&&/i });
const Not = createToken({ name: 'Not', pattern: /-|not(?![^\s()])/i });
const Bang = createToken({ name: 'Bang', pattern: '!' });

const TOKENS = [
  Space,
  Quoted,
  Open,
  Close,
  Comma,
  AddressPort,
  Address6,
  PortPair,
  Field,
  Compare,
  Differs,
  Colon,
  Or,
  And,
  Not,
  Bang,
  Word,
];
const VALUES = [Quoted, AddressPort, Address6, PortPair, Word];

function matchIpv6(text: string, offset: number): [string] | null {
  if (!/(?:^|[\s():,=!&|-])$/.test(text.slice(Math.max(0, offset - 1), offset)) && !isAfterField(text, offset)) return null;
  const word = /^(?:[0-9a-fA-F:.]+(?:\/\d{1,3}|-[0-9a-fA-F:.]+)?|\[[0-9a-fA-F:.]+\])(?![^\s(),])/.exec(
    text.slice(offset, offset + 100),
  )?.[0];
  return word?.includes(':') && parseAddresses(word) ? [word] : null;
}

/** `src::1` is the address `::1` of a field that lacks its colon. */
function isAfterField(text: string, offset: number): boolean {
  return text.startsWith('::', offset) && fieldNamed(/[A-Za-z-]*$/.exec(text.slice(Math.max(0, offset - 20), offset))![0]) !== undefined;
}

/** A word followed by `:`, `=` or a comparison. */
function matchField(text: string, offset: number): [string] | null {
  const [word] = /^[A-Za-z][A-Za-z-]*/.exec(text.slice(offset, offset + 100)) ?? [];
  if (word === undefined || /^(or|and|not)$/i.test(word)) return null;
  const isFollowed = /\s*(?::(?!:(?!:))|=|!=|[<>])/y;
  isFollowed.lastIndex = offset + word.length;
  return isFollowed.test(text) || (text.startsWith('::', offset + word.length) && fieldNamed(word)) ? [word] : null;
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
      {
        ALT: () => {
          this.CONSUME(Not);
          this.SUBRULE(this.one);
        },
      },
      {
        ALT: () => {
          this.CONSUME(Bang);
          this.SUBRULE2(this.one);
        },
      },
      {
        ALT: () => {
          this.CONSUME(Open);
          this.SUBRULE(this.either);
          this.CONSUME(Close);
        },
      },
      { ALT: () => this.SUBRULE(this.fieldTerm) },
      { ALT: () => this.SUBRULE(this.value) },
    ]);
  });

  readonly fieldTerm = this.RULE('fieldTerm', () => {
    this.CONSUME(Field);
    this.OR([
      {
        ALT: () => {
          this.OR2([{ ALT: () => this.CONSUME(Colon) }, { ALT: () => this.CONSUME(Differs) }]);
          this.AT_LEAST_ONE_SEP({ SEP: Comma, DEF: () => this.SUBRULE(this.item) });
        },
      },
      {
        ALT: () => {
          this.OPTION(() => this.CONSUME2(Colon));
          this.CONSUME(Compare);
          this.SUBRULE(this.value);
        },
      },
      { ALT: () => this.CONSUME(Address6) },
    ]);
  });

  readonly item = this.RULE('item', () => {
    this.OPTION(() => this.CONSUME(Bang));
    this.SUBRULE(this.value);
  });

  readonly value = this.RULE('value', () => {
    this.OR(VALUES.map((token) => ({ ALT: () => this.CONSUME(token) })));
  });

  constructor() {
    super(TOKENS, { recoveryEnabled: false, maxLookahead: 2 });
    this.performSelfAnalysis();
  }
}

const lexer = new Lexer(TOKENS, { positionTracking: 'onlyOffset' });
const parser = new FilterParser();

/** The first place where a text violates the grammar. */
export interface SyntaxProblem {
  token: IToken | undefined;
  message: string;
  start: number;
  end: number;
}

/** The tree of a text, or the first place where it violates the grammar. */
export function parseSyntax(text: string): { tree: CstNode } | { problem: SyntaxProblem } {
  const { tokens, errors } = lexer.tokenize(text);
  const lexical = errors[0];
  if (lexical) {
    const start = lexical.offset;
    const message =
      text[start] === '"' ? 'This quotation mark is never closed' : `“${text.slice(start, start + lexical.length)}” has no meaning here`;
    return { problem: { token: undefined, message, start, end: start + lexical.length } };
  }
  // Checked before the parser, which recurses for each level.
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
  return {
    problem: {
      token,
      message: describe(token, isAtEnd),
      start: token?.startOffset ?? 0,
      end: token ? token.startOffset + token.image.length : 0,
    },
  };
}

function roleOf({ tokenType, image }: IToken): TokenRole {
  switch (tokenType) {
    case Not:
    case Bang:
    case Differs:
      return 'not';
    case Open:
      return 'open';
    case Close:
      return 'close';
    case Comma:
      return 'comma';
    case Quoted:
    case AddressPort:
    case PortPair:
      return 'value';
    // A range of addresses, or a port with its protocol, becomes several terms.
    case Address6:
    case Word:
      return /[.:].*-|\/[a-z]/i.test(image) ? 'pair' : 'value';
    default:
      return 'other';
  }
}

/** The tokens of a text as far as they can be read; for completion. */
export function tokensOf(text: string): IToken[] {
  return lexer.tokenize(text).tokens;
}

export { Field as FieldToken, Colon as ColonToken, Comma as CommaToken, Differs as DiffersToken, Bang as BangToken, tokenMatcher };

function describe(token: IToken | undefined, isAtEnd: boolean): string {
  if (!token) return 'Something is missing here';
  if (isAtEnd) {
    if ([Colon, Compare, Differs, Comma].some((type) => tokenMatcher(token, type))) return `A value is missing after “${token.image}”`;
    if ([Or, And, Not, Bang].some((type) => tokenMatcher(token, type))) return `A term is missing after “${token.image}”`;
    return 'A closing “)” is missing';
  }
  if (tokenMatcher(token, Close)) return 'This “)” has no matching “(”, or the brackets are empty';
  return `“${token.image}” is not allowed here`;
}
