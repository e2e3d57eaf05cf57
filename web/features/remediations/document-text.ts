import { isMap, isScalar, LineCounter, parseDocument, stringify, type Document } from 'yaml';
import { remediationDocument, type RemediationDocument } from '../../../proto/http/remediation-document.ts';

/** A problem, with the field's path and its place in the text (from 1). */
export interface TextProblem {
  path: string;
  message: string;
  line: number;
  column: number;
}

/** A document as text: the YAML is the only copy, and the form reads and writes it. */
export interface DocumentReading {
  /** The YAML itself is invalid; the rest is unknown. */
  syntax?: TextProblem;
  /** The parsed text, valid or not. */
  raw: unknown;
  /** With every default filled in; absent while there are problems. */
  document?: RemediationDocument;
  problems: TextProblem[];
}

/** Parses a text. Never throws. */
export function readText(text: string): DocumentReading {
  const lines = new LineCounter();
  const yaml = parseDocument(text, { lineCounter: lines });
  const [error] = yaml.errors;
  if (error)
    return {
      syntax: {
        path: '',
        message: error.message.split('\n')[0]!.replace(/ at line \d+, column \d+:?$/, ''),
        ...place(lines, error.pos[0]),
      },
      raw: undefined,
      problems: [],
    };
  const raw: unknown = yaml.toJS();
  const parsed = remediationDocument.safeParse(raw);
  if (parsed.success) return { raw, document: parsed.data, problems: [] };
  const problems = parsed.error.issues.map(({ path, message }) => {
    const keys = path.map((key) => (typeof key === 'symbol' ? key.toString() : key));
    return { path: keys.join('.'), message, ...placeOf(yaml, lines, keys) };
  });
  return { raw, problems };
}

/** The place of a field in the text, or of its nearest existing parent. */
export function placeIn(text: string, path: string): { line: number; column: number } {
  const lines = new LineCounter();
  return placeOf(parseDocument(text, { lineCounter: lines }), lines, path ? path.split('.') : []);
}

/**
 * The text with one field set, or removed by undefined; comments, order and everything else stay. A text that does not parse stays as it
 * is.
 */
export function withField(text: string, path: string, value: unknown): string {
  const yaml = parseDocument(text);
  if (yaml.errors.length > 0) return text;
  const keys = path.split('.');
  for (let depth = 1; depth < keys.length; depth++) {
    const above = keys.slice(0, depth);
    if (!isMap(yaml.getIn(above, true))) yaml.setIn(above, yaml.createNode({}));
  }
  if (value === undefined) yaml.deleteIn(keys);
  else if (isScalar(yaml.getIn(keys, true)) && typeof value !== 'object') yaml.setIn(keys, value);
  else yaml.setIn(keys, yaml.createNode(value));
  return yaml.toString({ lineWidth: 0 });
}

/** A document as text, without empty fields. */
export function toText({ name, description, scope, ...rest }: RemediationDocument): string {
  return stringify(
    { name, ...(description && { description }), ...rest, ...(Object.keys(scope).length > 0 && { scope }) },
    { lineWidth: 0 },
  );
}

/** Values of fields that the text does not set. */
export const DEFAULTS: RemediationDocument = remediationDocument.parse({
  name: 'New remediation',
  trigger: { kind: 'manual' },
  filter: 'state:close',
});

/** The value at a path in the parsed text, otherwise in the defaults. */
export function fieldIn(raw: unknown, path: string): unknown {
  return at(raw, path) ?? at(DEFAULTS, path);
}

function at(value: unknown, path: string): unknown {
  return path
    .split('.')
    .reduce<unknown>(
      (found, key) => (typeof found === 'object' && found !== null ? Object.entries(found).find(([name]) => name === key)?.[1] : undefined),
      value,
    );
}

function placeOf(yaml: Document, lines: LineCounter, keys: (string | number)[]): { line: number; column: number } {
  for (let length = keys.length; length > 0; length--) {
    const node = yaml.getIn(keys.slice(0, length), true);
    const range =
      typeof node === 'object' && node !== null && 'range' in node ? (node.range as [number, number, number] | null) : undefined;
    if (range) return place(lines, range[0]);
  }
  return { line: 1, column: 1 };
}

function place(lines: LineCounter, offset: number): { line: number; column: number } {
  const { line, col } = lines.linePos(offset);
  return { line: Math.max(1, line), column: Math.max(1, col) };
}
