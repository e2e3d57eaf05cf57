import type { CstNode, IToken } from 'chevrotain';
import { portNamed, transportNumber } from '../ports.ts';
import { protocolNumber } from '../protocol.ts';
import { nearest } from '../nearest.ts';
import { FIELD_WORDS, fieldNamed, isComparable, type Field } from './fields.ts';
import { allOf, anyOf, countTerms, EVERYTHING, negated, type FilterProblem, type FlowFilter } from './filter.ts';
import { fromOtherTools, isFromElsewhere } from './from-other-tools.ts';
import { parseSyntax } from './grammar.ts';
import { MAX_FILTER_CHARACTERS, MAX_FILTER_TERMS, TOO_MANY_TERMS } from './limits.ts';
import { isPlainState, parseComparison, parseValue, type ValueProblem } from './values.ts';

class Misfit extends Error {
  readonly problem: FilterProblem;
  constructor(problem: FilterProblem) {
    super(problem.message);
    this.problem = problem;
  }
}

type Parsed = { filter: FlowFilter } | { problem: FilterProblem };

/**
 * Parses the filter grammar (grammar.ts). A text that does not parse is a problem with a place, never "everything"; an empty text is
 * everything. Input or output of other programs is a problem that suggests the equivalent in this grammar.
 */
export function parseFilter(text: string): Parsed {
  if (text.length > MAX_FILTER_CHARACTERS) {
    return {
      problem: {
        message: `A filter has at most ${MAX_FILTER_CHARACTERS} characters; this one has ${text.length}`,
        start: MAX_FILTER_CHARACTERS,
        end: text.length,
      },
    };
  }
  const own = isFromElsewhere(text) ? undefined : parseOwn(text);
  if (own && 'filter' in own) return own;
  const foreign = fromOtherTools(text);
  if (!foreign) return own ?? parseOwn(text);
  // A suggestion that does not parse, or is useless, is dropped.
  const { suggestion, ...problem } = foreign;
  return { problem: suggestion !== undefined && 'filter' in parseOwn(suggestion) ? foreign : problem };
}

function parseOwn(text: string): Parsed {
  const syntax = parseSyntax(text);
  if ('problem' in syntax) {
    const { message, start, end } = syntax.problem;
    return { problem: { message, start, end } };
  }
  try {
    const either = node(syntax.tree, 'either');
    const filter = either ? readEither(either) : EVERYTHING;
    return countTerms(filter) > MAX_FILTER_TERMS ? { problem: { message: TOO_MANY_TERMS, start: 0, end: text.length } } : { filter };
  } catch (error) {
    if (error instanceof Misfit) return { problem: error.problem };
    throw error;
  }
}

function readEither(tree: CstNode): FlowFilter {
  return anyOf(nodes(tree, 'both').map(readBoth));
}

function readBoth(tree: CstNode): FlowFilter {
  return allOf(nodes(tree, 'one').map(readOne));
}

function readOne(tree: CstNode): FlowFilter {
  const inner = node(tree, 'one');
  if (inner) return negated(readOne(inner));
  const either = node(tree, 'either');
  if (either) return readEither(either);
  const term = node(tree, 'fieldTerm');
  return term ? readFieldTerm(term) : readBare(valueToken(node(tree, 'value')!));
}

function readFieldTerm(tree: CstNode): FlowFilter {
  const name = token(tree, 'Field')!;
  const items = nodes(tree, 'item');
  const values = [...items.map((item) => node(item, 'value')!), ...nodes(tree, 'value')].map(valueToken);
  const lone = token(tree, 'Address6');
  if (lone) values.push(lone);
  const whole: Place = { start: name.startOffset, end: endOf(values.at(-1)!) };
  const field = fieldNamed(name.image);
  if (!field) throw misfit(whole, unknownField(name.image, values), { start: name.startOffset, end: endOf(name) });
  const comparison = token(tree, 'Compare');
  if (comparison) return readComparison(field, comparison, values[0]!, whole);
  const bangs = items.filter((item) => token(item, 'Bang')).length;
  if (bangs > 0 && items.length > 1) {
    throw misfit(whole, {
      message: '“!” before one value of several could mean any of them or all; put it before the field',
      instead: bangs === items.length ? `-${field.name}:${values.map(({ image }) => image).join(',')}` : undefined,
    });
  }
  const filter = anyOf(
    values.map((value) => {
      const parsed = parseValue(field, textOf(value), isQuoted(value));
      if (!('message' in parsed)) return parsed;
      // Replacing one value of several would leave the field to the others.
      throw values.length > 1 ? misfit(placeOf(value), { ...parsed, instead: undefined }) : misfit(whole, parsed, placeOf(value));
    }),
  );
  return bangs > 0 === (token(tree, 'Differs') !== undefined) ? filter : negated(filter);
}

function readComparison(field: Field, comparison: IToken, value: IToken, whole: Place): FlowFilter {
  if (!isComparable(field.kind)) {
    const isNotZero =
      field.kind === 'mark' &&
      ((comparison.image === '>' && Number(textOf(value)) === 0) || (comparison.image === '>=' && Number(textOf(value)) === 1));
    throw misfit(
      whole,
      { message: `${field.name} cannot be compared by “${comparison.image}”`, instead: isNotZero ? '-mark:0x0' : undefined },
      placeOf(comparison),
    );
  }
  const parsed = parseComparison(field, comparison.image, textOf(value));
  if ('message' in parsed) throw misfit(placeOf(value), parsed);
  return { kind: 'term', field: field.name, match: parsed };
}

/** Field names of other tools that mean exactly one of ours. */
const SYNONYMS: Record<string, string> = {
  source: 'src',
  destination: 'dst',
  dest: 'dst',
  'src-port': 'sport',
  'source-port': 'sport',
  'dst-port': 'dport',
  'destination-port': 'dport',
  connmark: 'mark',
  ctmark: 'mark',
  duration: 'age',
};

function unknownField(name: string, values: IToken[]): ValueProblem {
  const message = `There is no field “${name}”`;
  const [value] = values;
  const place = value && values.length === 1 && isBareValue(value) ? value.image : undefined;
  if (protocolNumber(name) !== undefined || /^tls$/i.test(name)) {
    return { message, instead: place && `(proto:${/^tls$/i.test(name) ? 'tcp' : name.toLowerCase()} ${place})` };
  }
  if (/^sips?$/i.test(name)) return { message, instead: place };
  return { message, suggestion: SYNONYMS[name.toLowerCase()] ?? nearest(name, FIELD_WORDS) };
}

/** A bare value: address, prefix, port or port range, address:port; on any side of either tuple. */
function readBare(value: IToken): FlowFilter {
  const parsed = parseBare(textOf(value));
  if ('message' in parsed) throw misfit(placeOf(value), parsed);
  return parsed;
}

function isBareValue(value: IToken): boolean {
  return !('message' in parseBare(textOf(value)));
}

function parseBare(text: string): FlowFilter | ValueProblem {
  const place = parseValue(fieldNamed('ip')!, text);
  if (!('message' in place)) return place;
  if (/^\d{1,5}(?:[-:]\d{1,5})?(?:\/[a-z]+)?$/i.test(text)) return parseValue(fieldNamed('port')!, text);
  return bareProblem(text, place.suggestion);
}

function bareProblem(text: string, address: string | undefined): ValueProblem {
  const word = (/^\[(.*)\]$/.exec(text)?.[1] ?? text).toLowerCase().replaceAll('_', '-');
  if (/^(all|any|everything|\*)$/.test(word)) {
    return { message: `“${text}” selects nothing; leave it out. To plan for every flow, use the word all instead of a filter` };
  }
  const field = fieldNamed(word);
  return {
    message: field ? `“${text}” is a field and needs a value` : `“${text}” is not an address, a prefix or a port`,
    suggestion: address ?? meantByBare(word),
  };
}

/** What a bare word means, if it is unambiguous. */
function meantByBare(word: string): string | undefined {
  const [, transport = '', port = ''] = /^([a-z]+)\/(\d{1,5})$/.exec(word) ?? [];
  if (transportNumber(transport) !== undefined) return `(proto:${transport} port:${port})`;
  const family = /^ip(?:v?([46]))$/.exec(word)?.[1];
  if (family !== undefined) return `family:ipv${family}`;
  if (/^\D/.test(word) && protocolNumber(word) !== undefined) return `proto:${word}`;
  if (word === 'stale') return 'stale:yes';
  if (fieldNamed(word) && word !== 'nat') return undefined;
  const isOf = (name: 'app' | 'status' | 'state'): boolean => fieldNamed(name)!.words.includes(word);
  if (isOf('app')) return `app:${word}`;
  if (isOf('state')) return isPlainState(word) ? `state:${word}` : otherState(word);
  if (isOf('status')) return `status:${word}`;
  const named = portNamed(word);
  if (named) return `(proto:${named.protocols.join(',')} dport:${named.port})`;
  if (/^wan[\d-]*$/.test(word)) return `wan:${word}`;
  if (/^\|$/.test(word)) return 'or';
  return /^[a-z][\w.*-]*$/.test(word) && /(^|[-_.])gw\d*([-_.]|$)/.test(word) ? `gateway:${word}` : undefined;
}

function otherState(word: string): string | undefined {
  const parsed = parseValue(fieldNamed('state')!, word);
  return 'message' in parsed && parsed.suggestion ? `state:${parsed.suggestion}` : undefined;
}

interface Place {
  start: number;
  end: number;
}

/** A problem of a whole term; without a replacement for all of it, only `part` is marked. */
function misfit(whole: Place, { message, suggestion, instead }: ValueProblem, part: Place = whole): Misfit {
  const fix = instead ?? suggestion;
  return new Misfit({ message, ...(instead === undefined ? part : whole), ...(fix !== undefined && { suggestion: fix }) });
}

function placeOf(value: IToken): Place {
  return { start: value.startOffset, end: endOf(value) };
}

function endOf(place: IToken): number {
  return place.startOffset + place.image.length;
}

function nodes(tree: CstNode, name: string): CstNode[] {
  return (tree.children[name] ?? []) as CstNode[];
}

function node(tree: CstNode, name: string): CstNode | undefined {
  return nodes(tree, name)[0];
}

function token(tree: CstNode, name: string): IToken | undefined {
  return (tree.children[name] as IToken[] | undefined)?.[0];
}

function valueToken(tree: CstNode): IToken {
  return Object.values(tree.children).flat()[0] as IToken;
}

function isQuoted(value: IToken): boolean {
  return value.tokenType.name === 'Quoted';
}

function textOf(value: IToken): string {
  return isQuoted(value) ? value.image.slice(1, -1) : value.image;
}
