import type { CstNode, IToken } from 'chevrotain';
import { parsePrefix } from '../address.ts';
import { PROTOCOLS } from '../protocol.ts';
import { FIELD_WORDS, fieldNamed, isComparable, nearest, type Field } from './fields.ts';
import { EVERYTHING, type FieldName, type FilterProblem, type FlowFilter, type Match } from './filter.ts';
import { fromConntrackArguments } from './from-conntrack.ts';
import { parseSyntax } from './grammar.ts';
import { MAX_FILTER_CHARACTERS } from './limits.ts';
import { parseComparison, parseValue, type ValueProblem } from './values.ts';

class Misfit extends Error {
  readonly problem: FilterProblem;
  constructor(problem: FilterProblem) {
    super(problem.message);
    this.problem = problem;
  }
}

/** Parses the filter grammar (grammar.ts). A text that does not parse is a problem with a place, never "everything"; an empty text is everything. */
export function parseFilter(text: string): { filter: FlowFilter } | { problem: FilterProblem } {
  if (text.length > MAX_FILTER_CHARACTERS) {
    return { problem: { message: `A filter has at most ${MAX_FILTER_CHARACTERS} characters; this one has ${text.length}`, start: MAX_FILTER_CHARACTERS, end: text.length } };
  }
  const converted = /^\s*(conntrack\b|-{1,2}[a-z][a-z-]*(?=[\s=]))/i.test(text) ? fromConntrackArguments(text) : undefined;
  if (converted) return { problem: { message: 'These are arguments of the conntrack program', start: 0, end: text.length, suggestion: converted } };
  const syntax = parseSyntax(text);
  if ('problem' in syntax) {
    const { message, start, end } = syntax.problem;
    return { problem: { message, start, end } };
  }
  try {
    const either = node(syntax.tree, 'either');
    return { filter: either ? readEither(either) : EVERYTHING };
  } catch (error) {
    if (error instanceof Misfit) return { problem: error.problem };
    throw error;
  }
}

function readEither(tree: CstNode): FlowFilter {
  return join('or', nodes(tree, 'both').map(readBoth));
}

function readBoth(tree: CstNode): FlowFilter {
  return join('and', nodes(tree, 'one').map(readOne));
}

function readOne(tree: CstNode): FlowFilter {
  const inner = node(tree, 'one');
  if (inner) {
    const operand = readOne(inner);
    return operand.kind === 'not' ? operand.operand : { kind: 'not', operand };
  }
  const either = node(tree, 'either');
  if (either) return readEither(either);
  const term = node(tree, 'fieldTerm');
  return term ? readFieldTerm(term) : readBare(valueToken(node(tree, 'value')!));
}

function readFieldTerm(tree: CstNode): FlowFilter {
  const name = token(tree, 'Field')!;
  const field = fieldNamed(name.image);
  if (!field) {
    const near = nearest(name.image, FIELD_WORDS);
    throw misfit(name, { message: `There is no field “${name.image}”`, suggestion: near });
  }
  const values = nodes(tree, 'value').map(valueToken);
  const comparison = token(tree, 'Compare');
  if (comparison) {
    if (!isComparable(field.kind)) throw misfit(comparison, { message: `${field.name} cannot be compared by “${comparison.image}”`, suggestion: ':' });
    return term(field, accept(values[0]!, parseComparison(field, comparison.image, textOf(values[0]!))));
  }
  return join('or', values.map((value) => {
    const parsed = parseValue(field, textOf(value));
    if ('message' in parsed && parsed.otherField && values.length === 1) throw new Misfit({ message: parsed.message, start: name.startOffset, end: endOf(value), suggestion: `${parsed.otherField}:${value.image}` });
    return term(field, accept(value, parsed));
  }));
}

/** A bare value: address, prefix, port or port range, address:port; on any side of either tuple. */
function readBare(value: IToken): FlowFilter {
  const text = textOf(value);
  if (value.tokenType.name === 'AddressPort') {
    const colon = text.lastIndexOf(':');
    const address = text.slice(0, colon).replace(/^\[|\]$/g, '');
    return join('and', [
      term(fieldNamed('ip')!, accept(value, parseValue(fieldNamed('ip')!, address))),
      term(fieldNamed('port')!, accept(value, parseValue(fieldNamed('port')!, text.slice(colon + 1)))),
    ]);
  }
  if (parsePrefix(text)) return term(fieldNamed('ip')!, accept(value, parseValue(fieldNamed('ip')!, text)));
  if (/^\d{1,5}(-\d{1,5})?$/.test(text)) return term(fieldNamed('port')!, accept(value, parseValue(fieldNamed('port')!, text)));
  throw misfit(value, bareProblem(text));
}

function bareProblem(text: string): ValueProblem {
  const word = text.toLowerCase().replaceAll('_', '-');
  const meant = Object.hasOwn(PROTOCOLS, word) ? `proto:${word}` : (['app', 'state', 'status'] as const).map((name) => fieldNamed(name)!).filter((field) => field.words.includes(word)).map((field) => `${field.name}:${word}`)[0];
  const field = fieldNamed(text);
  return {
    message: field ? `“${text}” is a field and needs a value` : `“${text}” is not an address, a prefix or a port`,
    suggestion: meant ?? (field ? `${field.name}:` : /^[a-z][\w.*-]*$/i.test(text) ? `gateway:${text}` : undefined),
  };
}

function term(field: Field, match: Match): FlowFilter {
  return { kind: 'term', field: field.name satisfies FieldName, match };
}

function accept(place: IToken, parsed: Match | ValueProblem): Match {
  if ('message' in parsed) throw misfit(place, parsed);
  return parsed;
}

function misfit(place: IToken, problem: ValueProblem): Misfit {
  return new Misfit({ message: problem.message, start: place.startOffset, end: endOf(place), ...(problem.suggestion && { suggestion: problem.suggestion }) });
}

function endOf(place: IToken): number {
  return place.startOffset + place.image.length;
}

/** One operand stands for itself; operands of the same kind are taken in. */
function join(kind: 'and' | 'or', operands: FlowFilter[]): FlowFilter {
  const flat = operands.flatMap((operand) => (operand.kind === kind ? operand.operands : [operand]));
  return flat.length === 1 ? flat[0]! : { kind, operands: flat };
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

function textOf(value: IToken): string {
  return value.tokenType.name === 'Quoted' ? value.image.slice(1, -1) : value.image;
}
