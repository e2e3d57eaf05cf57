/** Characters that control a terminal, a log viewer or the direction of text, and line and paragraph separators. */
const COMMANDING = /[\p{Cc}\p{Cs}\p{Zl}\p{Zp}\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]/u;
const COMMANDING_BUT_LINES = /[^\P{Cc}\n\t]|[\p{Cs}\p{Zl}\p{Zp}\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]/u;
/** A visible character: no control or format character, no space, no filler. */
const VISIBLE = /[^\p{C}\p{Z}\p{Default_Ignorable_Code_Point}\u2800]/u;

/** Why people could not read a text as written; undefined if they can. `hasLines`: line feeds and tabs are allowed. */
export function textProblem(text: string, { hasLines = false } = {}): string | undefined {
  if (!VISIBLE.test(text)) return 'needs a visible character';
  const found = (hasLines ? COMMANDING_BUT_LINES : COMMANDING).exec(text)?.[0];
  return found === undefined ? undefined : `contains the control character ${escaped(found)}; remove it`;
}

/** The text with every control character escaped as `\u{1b}`, so that whatever shows it obeys none. One line, unless `hasLines`. */
export function toPrintable(text: string, { hasLines = false } = {}): string {
  const pattern = hasLines ? COMMANDING_BUT_LINES : COMMANDING;
  return pattern.test(text) ? text.replace(new RegExp(pattern, 'gu'), escaped) : text;
}

/** Characters that JSON leaves unescaped and a terminal or viewer obeys. Control characters below these are escaped by JSON itself. */
const COMMANDING_IN_JSON = /[\u007f-\u009f\u061c\u200e\u200f\u2028\u2029\u202a-\u202e\u2066-\u2069]/g;

/** JSON text with those escaped, as in `\u009b`: it reads back as the same value. */
export function toSafeJson(json: string): string {
  return json.replace(COMMANDING_IN_JSON, (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`);
}

/** One cell of CSV (RFC 4180): quoted if necessary, printable, and with an apostrophe before anything a spreadsheet would evaluate. */
export function csvCell(text: string): string {
  const printable = toPrintable(text, { hasLines: true });
  const safe = /^\s*[=+\-@\uff1d\uff0b\uff0d\uff20]/.test(printable) ? `'${printable}` : printable;
  return /[",\r\n\t]/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe;
}

/**
 * Why a value of JSON cannot be stored as text: a NUL or half a surrogate pair in a string or a key, or nesting deeper than `maxDepth`;
 * undefined if it can.
 */
export function storageProblem(value: unknown, maxDepth: number): { path: string; message: string } | undefined {
  const waiting: { value: unknown; path: readonly string[] }[] = [{ value, path: [] }];
  for (let next = waiting.pop(); next !== undefined; next = waiting.pop()) {
    const { value: one, path } = next;
    if (typeof one === 'string' && isUnstorable(one)) return { path: path.join('.'), message: UNSTORABLE };
    if (typeof one !== 'object' || one === null) continue;
    if (path.length >= maxDepth) return { path: path.slice(0, 3).join('.'), message: `is nested more than ${maxDepth} deep` };
    for (const [key, inner] of Object.entries(one)) {
      if (isUnstorable(key)) return { path: path.join('.'), message: `has a name that ${UNSTORABLE}` };
      if (typeof inner === 'string' || typeof inner === 'object') waiting.push({ value: inner, path: [...path, key] });
    }
  }
  return undefined;
}

const UNSTORABLE = 'contains a NUL character or half of a surrogate pair';

function isUnstorable(text: string): boolean {
  return text.includes('\0') || !text.isWellFormed();
}

function escaped(character: string): string {
  return `\\u{${character.codePointAt(0)!.toString(16)}}`;
}
