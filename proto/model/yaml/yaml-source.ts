import { Composer, LineCounter, Parser, type CST, type ParsedNode } from 'yaml';
import { MAX_DEPTH, MAX_DOCUMENT_BYTES, MAX_ENTRIES, MAX_PROBLEMS } from './limits.ts';

/** A problem of the text by its offset; `read.ts` knows lines and paths. */
export interface SourceProblem {
  offset: number;
  message: string;
  cure: string;
}

/** What a text holds, in words: `policy`, or `list of rules`. */
type Noun = string;

/** The one document of a text. */
export interface Source {
  root: ParsedNode;
  lines: LineCounter;
}

const MAX_QUOTED = 20;
const NOT_YAML = 'look for a bracket, quotation mark or indentation that is not right';
const REFUSED: Partial<Record<string, Omit<SourceProblem, 'offset'>>> = {
  anchor: { message: 'anchors are not allowed', cure: 'write the value where it is used' },
  alias: { message: 'aliases are not allowed', cure: 'write the value out' },
  tag: { message: 'tags are not allowed', cure: 'write the value without it' },
  directive: { message: 'directives are not allowed', cure: 'remove the line' },
};

/**
 * Parses YAML, of which JSON is a part. Everything that would make a small text large or slow is refused on its tokens, before anything is
 * built of them.
 */
export function parseSource(text: string, noun: Noun): Source | { problems: SourceProblem[]; lines: LineCounter } {
  const lines = new LineCounter();
  if (new TextEncoder().encode(text).length > MAX_DOCUMENT_BYTES)
    return {
      lines,
      problems: [{ offset: 0, message: `a ${noun} has at most ${MAX_DOCUMENT_BYTES / 1024} KiB`, cure: 'split it into several' }],
    };
  const tokens = [...new Parser(lines.addNewLine).parse(text)];
  const refused = refusedIn(tokens, noun);
  if (refused) return { lines, problems: [refused] };
  const [document, more] = new Composer({ lineCounter: lines }).compose(tokens, true, text.length);
  const contents = document?.contents;
  if (more) return { lines, problems: [{ offset: more.range[0], message: `a text holds one ${noun}`, cure: 'remove what follows “---”' }] };
  const problems = [...(document?.errors ?? []), ...(document?.warnings ?? [])].slice(0, MAX_PROBLEMS).map(({ message, pos }) => ({
    offset: pos[0],
    message: `this is not YAML: ${message.split('\n')[0]!.replace(/ at line \d+, column \d+:?$/, '')}`,
    cure: /unique/.test(message) ? 'keep one of the two' : NOT_YAML,
  }));
  if (problems.length > 0) return { lines, problems };
  return contents
    ? { lines, root: contents }
    : { lines, problems: [{ offset: 0, message: `there is no ${noun}`, cure: 'begin with apiVersion' }] };
}

/** The first token that is not allowed. Works through a list of its own, since a text may be nested deeper than the stack. */
function refusedIn(tokens: readonly CST.Token[], noun: Noun): SourceProblem | undefined {
  const waiting = tokens.toReversed().map((token) => ({ token, depth: 0 }));
  for (let next = waiting.pop(); next !== undefined; next = waiting.pop()) {
    const { token, depth } = next;
    const refused = REFUSED[token.type];
    if (refused) return { offset: token.offset, ...refused };
    const broken = brokenIn(token);
    if (broken !== undefined) return { offset: token.offset, message: `this is not YAML: ${broken}`, cure: NOT_YAML };
    if (depth > MAX_DEPTH)
      return { offset: token.offset, message: `this is nested more than ${MAX_DEPTH} deep`, cure: `no ${noun} needs that` };
    if ('items' in token && token.items.length > MAX_ENTRIES)
      return { offset: token.offset, message: `this has more than ${MAX_ENTRIES} entries`, cure: `split the ${noun} into several` };
    for (const part of partsOf(token).toReversed()) waiting.push({ token: part, depth: 'items' in token ? depth + 1 : depth });
  }
  return undefined;
}

/** What cannot be YAML and could be repeated a hundred thousand times, at ever more cost for each. */
function brokenIn(token: CST.Token): string | undefined {
  if (token.type === 'error') return `unexpected “${token.source.trim().slice(0, MAX_QUOTED).toWellFormed()}”`;
  const hasEmpty = 'items' in token && token.items.some(({ start }) => start.filter(({ type }) => type === 'comma').length > 1);
  return hasEmpty ? 'nothing stands between two commas' : undefined;
}

function partsOf(token: CST.Token): CST.Token[] {
  const items = 'items' in token ? token.items.flatMap(({ start, key, sep, value }) => [...start, key, ...(sep ?? []), value]) : [];
  const own = token.type === 'document' ? [...token.start, token.value] : 'props' in token ? token.props : [];
  return [...own, ...items].filter((part) => part !== null && part !== undefined);
}
