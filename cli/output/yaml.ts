import { toSafeJson } from '../../proto/model/text.ts';

/** Words that YAML 1.1 or 1.2 takes for something else. */
const PLAIN = /^(?!(?:true|false|null|yes|no|on|off|y|n)$)[A-Za-z][A-Za-z0-9_-]*$/i;

/** A value of JSON as YAML in block style; what is not a plain word is quoted as in JSON, with every control character escaped. */
export function toYaml(value: unknown): string {
  return `${lines(value).join('\n')}\n`;
}

function lines(value: unknown): string[] {
  if (Array.isArray(value)) return value.length === 0 ? ['[]'] : value.flatMap(item);
  if (!isBlock(value)) return [scalar(value)];
  return Object.entries(value as object)
    .filter(([, inner]) => inner !== undefined)
    .flatMap(([key, inner]) =>
      isBlock(inner) ? [`${scalar(key)}:`, ...lines(inner).map((line) => `  ${line}`)] : [`${scalar(key)}: ${lines(inner)[0]}`],
    );
}

/** One item of a list: its first line after the dash, the others below it. */
function item(value: unknown): string[] {
  return lines(value).map((line, index) => `${index === 0 ? '- ' : '  '}${line}`);
}

/** True for what takes lines of its own. */
function isBlock(value: unknown): boolean {
  if (Array.isArray(value)) return value.length > 0;
  return typeof value === 'object' && value !== null && Object.values(value).some((inner) => inner !== undefined);
}

function scalar(value: unknown): string {
  if (typeof value === 'string' && PLAIN.test(value)) return value;
  return toSafeJson(JSON.stringify(value) ?? 'null');
}
