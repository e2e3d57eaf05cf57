import { isMap, isScalar, isSeq, type LineCounter, type ParsedNode } from 'yaml';
import { parseDuration } from '../duration.ts';
import { nearest } from '../nearest.ts';
import { textProblem, toPrintable } from '../text.ts';
import { MAX_PROBLEMS } from './limits.ts';
import { parseSource } from './yaml-source.ts';
import { inOrder, type DocumentProblem } from './problem.ts';

/** A value of the text with its place. */
export interface Place {
  node: ParsedNode;
  path: string;
}

/** Longer than any path of known keys. */
const MAX_PATH = 200;

type Range = Readonly<{ from: number; to: number }>;

/** Reads typed values from places and collects what is wrong with them. Every method returns undefined where it reported a problem. */
export class Reading {
  readonly problems: DocumentProblem[] = [];
  readonly #lines: LineCounter;

  constructor(lines: LineCounter) {
    this.#lines = lines;
  }

  /** Reports a problem. Returns undefined, for the reader that has no value now. */
  wrong({ node, path }: Place, message: string, cure: string): undefined {
    this.wrongAt(node.range[0], path, message, cure);
  }

  wrongAt(offset: number, path: string, message: string, cure: string): void {
    const { line, col } = this.#lines.linePos(offset);
    if (this.problems.length < MAX_PROBLEMS)
      this.problems.push({
        line: Math.max(1, line),
        column: Math.max(1, col),
        path: toPrintable(path.slice(0, MAX_PATH).toWellFormed()),
        message: toPrintable(message),
        cure: toPrintable(cure),
      });
  }

  /** The places of a map’s values by key. Other keys than those of `known` are reported, with the one that was meant. */
  map<K extends string>(place: Place, known: readonly K[], needed: readonly K[] = []): Partial<Record<K, Place>> | undefined {
    const entries = this.entries(place);
    if (!entries) return undefined;
    const found: Partial<Record<K, Place>> = {};
    for (const { key, keyNode, place: value } of entries) {
      if (known.some((one) => one === key)) found[key as K] = value;
      else this.wrong({ node: keyNode, path: value.path }, `${quoted(key)} is not known here`, cureForKey(key, known));
    }
    for (const key of needed) if (!isMap(place.node) || !place.node.has(key)) this.wrong(place, `${key} is missing`, `add ${key}: to it`);
    return found;
  }

  /** All entries of a map whose keys are words. */
  entries(place: Place): { key: string; keyNode: ParsedNode; place: Place }[] | undefined {
    const { node, path } = place;
    if (!isMap<ParsedNode, ParsedNode | null>(node))
      return this.wrong(place, `${describe(node)} stands where keys are expected`, 'write “key: value”');
    return node.items.flatMap(({ key, value }) => {
      const name = isScalar(key) ? String(key.value) : undefined;
      if (name === undefined) return this.wrong({ node: key, path }, 'this key is not a word', 'use one of the documented keys') ?? [];
      const inner = path === '' ? name : `${path}.${name}`;
      if (!value || (isScalar(value) && value.value === null))
        return this.wrong({ node: value ?? key, path: inner }, `${quoted(name)} has no value`, 'give it one, or remove the key') ?? [];
      return [{ key: name, keyNode: key, place: { node: value, path: inner } }];
    });
  }

  /** The places of a list’s items; with `isOrOne`, a value that is no list counts as a list of one. */
  list(place: Place, most: number, { isOrOne = false } = {}): Place[] | undefined {
    const { node, path } = place;
    if (!isSeq<ParsedNode>(node)) {
      if (isOrOne) return [place];
      return this.wrong(place, `${describe(node)} stands where a list is expected`, 'write it as “- item” lines or in brackets');
    }
    if (node.items.length > most)
      return this.wrong(place, `there are ${node.items.length} items, and at most ${most} are allowed`, 'write fewer');
    return node.items.map((item, index) => ({ node: item, path: `${path}[${index}]` }));
  }

  /** A word or number exactly as it is written in the text. */
  text(place: Place, what: string): string | undefined {
    const { node } = place;
    if (!isScalar(node) || node.value === null)
      return this.wrong(place, `${describe(node)} stands where ${what} is expected`, `write ${what}`);
    return typeof node.value === 'string' ? node.value : (node.source ?? String(node.value));
  }

  /** A readable name of at most so many characters. */
  name(place: Place, most: number): string | undefined {
    const text = this.text(place, 'a name');
    if (text === undefined) return undefined;
    const problem = textProblem(text) ?? (text.trim() === text ? undefined : 'begins or ends with a space');
    if (problem !== undefined) return this.wrong(place, `the name ${quoted(text)} ${problem}`, 'write a readable name');
    return text.length <= most ? text : this.wrong(place, `the name ${quoted(text)} is too long`, `write at most ${most} letters`);
  }

  word<W extends string>(place: Place, words: readonly W[], what: string): W | undefined {
    const text = this.text(place, what);
    if (text === undefined) return undefined;
    const found = words.find((word) => word === text);
    if (found !== undefined) return found;
    const meant = meantBy(text, words);
    const isSwitch = isScalar(place.node) && typeof place.node.value === 'boolean' && words.some((word) => word === 'off');
    const cure = isSwitch
      ? 'write "off" in quotation marks, if your tool made false of it'
      : meant
        ? `write ${meant}`
        : `use ${oneOf(words)}`;
    return this.wrong(place, `${quoted(text)} is not ${what}`, cure);
  }

  flag(place: Place): boolean | undefined {
    const { node } = place;
    if (isScalar(node) && typeof node.value === 'boolean') return node.value;
    return this.wrong(place, `${describe(node)} is neither true nor false`, 'write true or false');
  }

  integer(place: Place, { from, to }: Range): number | undefined {
    const { node } = place;
    const value = isScalar(node) ? node.value : undefined;
    if (typeof value !== 'number' || !Number.isInteger(value))
      return this.wrong(place, `${describe(node)} is not a whole number`, `write one from ${from} to ${to}`);
    if (value < from || value > to) return this.wrong(place, `${value} is out of range`, `write a number from ${from} to ${to}`);
    return value;
  }

  number(place: Place, { from, to }: Range): number | undefined {
    const { node } = place;
    const value = isScalar(node) ? node.value : undefined;
    if (typeof value !== 'number' || !Number.isFinite(value))
      return this.wrong(place, `${describe(node)} is not a number`, `write one from ${from} to ${to}`);
    return value < from || value > to ? this.wrong(place, `${value} is out of range`, `write a number from ${from} to ${to}`) : value;
  }

  /** Seconds. */
  duration(place: Place, { from, to }: Range): number | undefined {
    const { node } = place;
    if (isScalar(node) && typeof node.value === 'number')
      return this.wrong(
        place,
        `${node.source ?? node.value} has no unit`,
        `write ${node.source ?? node.value}s if seconds are meant, or use m, h or d`,
      );
    const text = this.text(place, 'a duration such as 30s, 5m or 2h');
    if (text === undefined) return undefined;
    const seconds = parseDuration(text);
    if (seconds === undefined)
      return this.wrong(place, `${quoted(text)} is not a duration`, 'write whole seconds with a unit: 30s, 5m, 2h or 1d');
    if (seconds < from || seconds > to) return this.wrong(place, `${quoted(text)} is out of range`, `write ${from}s to ${to / 86_400}d`);
    return seconds;
  }
}

/** Reads a text by `read`: all of it is right, or every problem that was found is listed with its place, in order. Never throws. */
export function readText<Document>(
  text: string,
  noun: string,
  read: (reading: Reading, root: Place) => Document | undefined,
): { document: Document } | { problems: DocumentProblem[] } {
  const source = parseSource(text, noun);
  const reading = new Reading(source.lines);
  if ('problems' in source) {
    for (const { offset, message, cure } of source.problems) reading.wrongAt(offset, '', message, cure);
    return { problems: reading.problems };
  }
  const document = read(reading, { node: source.root, path: '' });
  return reading.problems.length > 0 || !document ? { problems: inOrder(reading.problems) } : { document };
}

/** A text in quotation marks, shortened. */
export function quoted(text: string): string {
  return `“${text.length > 60 ? `${text.slice(0, 60).toWellFormed()}…` : text}”`;
}

function describe(node: ParsedNode): string {
  if (isMap(node)) return 'a map of keys';
  if (isSeq(node)) return 'a list';
  return isScalar(node) ? quoted(node.source ?? String(node.value)) : 'this';
}

function cureForKey(key: string, known: readonly string[]): string {
  const meant = meantBy(key, known);
  return meant ? `write ${meant}` : `remove it, or use ${oneOf(known)}`;
}

/** The word that differs only in case, hyphens and underscores, or by one typo. */
function meantBy<W extends string>(text: string, words: readonly W[]): W | undefined {
  const plain = (word: string): string => word.toLowerCase().replaceAll(/[-_ ]/g, '');
  const same = words.find((word) => plain(word) === plain(text));
  if (same !== undefined || text.length > 60) return same;
  const near = nearest(plain(text), words.map(plain));
  return words.find((word) => plain(word) === near);
}

function oneOf(words: readonly string[]): string {
  return words.length > 1 ? `${words.slice(0, -1).join(', ')} or ${words.at(-1)}` : words.join('');
}
