import { csvCell, toPrintable, toSafeJson } from '../../proto/model/text.ts';
import type { Format } from '../options.ts';
import type { Column, Listing } from './columns.ts';
import { toYaml } from './yaml.ts';

export interface Style {
  format: Format;
  hasHeaders: boolean;
  /** Bold headers. */
  hasColour: boolean;
}

/**
 * A list in one of the formats. Names come from gateways and people: no character in them that a terminal or a spreadsheet obeys is
 * written as it is. `document` is what JSON and YAML show, the rows themselves if absent.
 */
export function render<Row>({ columns, rows, nameOf }: Listing<Row>, style: Style, document: unknown = rows): string {
  switch (style.format) {
    case 'json':
      return toJson(document);
    case 'yaml':
      return toYaml(document);
    case 'ndjson':
      return rows.map((row) => `${toSafeJson(JSON.stringify(row))}\n`).join('');
    case 'csv':
      return csv(columns, rows, style.hasHeaders);
    case 'name':
      return rows.map((row) => `${toPrintable(nameOf(row))}\n`).join('');
    default:
      return table(style.format === 'wide' ? columns : columns.filter(({ isWide }) => !isWide), rows, style);
  }
}

/** One thing as a document, or as a line per part: `state  online`. */
export function renderOne(parts: readonly (readonly [string, string | undefined])[], style: Style, document: unknown): string {
  if (style.format === 'json' || style.format === 'ndjson') return style.format === 'json' ? toJson(document) : `${oneLine(document)}\n`;
  if (style.format === 'yaml') return toYaml(document);
  const known = parts.filter((part): part is [string, string] => part[1] !== undefined);
  if (style.format === 'csv') return `${known.map((part) => part.map(csvCell).join(',')).join('\r\n')}\r\n`;
  const width = Math.max(...known.map(([name]) => name.length));
  return known.map(([name, text]) => `${name.padEnd(width)}  ${toPrintable(text)}\n`).join('');
}

export function toJson(document: unknown): string {
  return `${toSafeJson(JSON.stringify(document, undefined, 2))}\n`;
}

function oneLine(document: unknown): string {
  return toSafeJson(JSON.stringify(document));
}

function csv<Row>(columns: readonly Column<Row>[], rows: readonly Row[], hasHeaders: boolean): string {
  const body = rows.map((row) => columns.map((column) => cell(column.of(row))));
  return [...(hasHeaders ? [columns.map(({ name }) => name.replaceAll(/[ -]/g, '_'))] : []), ...body]
    .map((line) => `${line.join(',')}\r\n`)
    .join('');
}

function cell(value: string | number | undefined): string {
  return typeof value === 'string' ? csvCell(value) : String(value ?? '');
}

function table<Row>(columns: readonly Column<Row>[], rows: readonly Row[], { hasHeaders, hasColour }: Style): string {
  const cells = rows.map((row) => columns.map((column) => toPrintable(column.shown?.(row) ?? String(column.of(row) ?? '–'))));
  const headers = columns.map(({ name }) => name.toUpperCase());
  const widths = columns.map((_, index) => Math.max(hasHeaders ? headers[index]!.length : 0, ...cells.map((line) => line[index]!.length)));
  const line = (texts: readonly string[]): string =>
    texts
      .map((text, index) => (columns[index]!.isRight ? text.padStart(widths[index]!) : text.padEnd(widths[index]!)))
      .join('  ')
      .trimEnd();
  const head = hasHeaders && rows.length > 0 ? [hasColour ? `\u001b[1m${line(headers)}\u001b[0m` : line(headers)] : [];
  return [...head, ...cells.map(line)].map((text) => `${text}\n`).join('');
}
