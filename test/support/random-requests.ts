import fc from 'fast-check';
import { readFileSync } from 'node:fs';
import path from 'node:path';

/** JSON schema as zod-openapi writes it, as far as requests are made from it. */
interface Schema {
  type?: string;
  enum?: unknown[];
  const?: unknown;
  anyOf?: Schema[];
  oneOf?: Schema[];
  allOf?: Schema[];
  $ref?: string;
  properties?: Record<string, Schema>;
  items?: Schema;
  pattern?: string;
  format?: string;
}
interface Operation {
  operationId: string;
  parameters?: { in: string; name: string; schema: Schema }[];
  requestBody?: { content: { 'application/json': { schema: Schema } } };
}
interface Document {
  paths: Record<string, Record<string, Operation>>;
  components?: { schemas?: Record<string, Schema> };
}

/** One HTTP request, as its bytes are sent. `body` is text, and not always JSON. */
export interface RandomRequest {
  operationId: string;
  method: string;
  path: string;
  headers: Record<string, string>;
  body?: string;
}

const DOCUMENT = JSON.parse(readFileSync(path.resolve(import.meta.dirname, '../../docs/api/openapi.json'), 'utf8')) as Document;

/** Texts that have broken parsers, databases and pages. */
export const HOSTILE_TEXTS = [
  '',
  ' ',
  '\u0000',
  'a\u0000b',
  '\ud800',
  'x\udfff',
  '\u200b',
  '\u202eabc',
  '\u001b[31m',
  '=1+1',
  '\'; DROP TABLE "user"; --',
  '<script>',
  '${7*7}',
  '%00',
  '%ED%A0%80',
  '%',
  '%zz',
  '../../etc/passwd',
  '0000-01-01T00:00:00Z',
  '9999-12-31T23:59:59-23:59',
  '+010000-01-01T00:00:00Z',
  '-271821-04-20T00:00:00Z',
  '2026-02-30T00:00:00Z',
  '1e400',
  '-0',
  '9007199254740993',
  'NaN',
  'null',
  '[object Object]',
  '__proto__',
  'constructor',
  '-('.repeat(40),
  '('.repeat(3000),
  `wan:${'*a'.repeat(200)}`,
  'port:'.repeat(500),
  'x'.repeat(70_000),
  'e30',
  'eyJfX3Byb3RvX18iOjF9',
  Buffer.from('"\\u0000"').toString('base64url'),
  Buffer.from('["\\ud800","x"]').toString('base64url'),
  Buffer.from('9007199254740992').toString('base64url'),
  Buffer.from('-1').toString('base64url'),
  Buffer.from(`${'['.repeat(9000)}${']'.repeat(9000)}`).toString('base64url'),
];
/** JSON texts, because some cannot be produced from values. */
const HOSTILE_JSON = [
  'null',
  'true',
  '[]',
  '{}',
  '-0',
  '1e400',
  '-1e400',
  '9007199254740993',
  '2147483648',
  '4294967296',
  '0.1',
  '-1',
  '{"__proto__":{"x":1}}',
  '{"constructor":{"prototype":{"x":1}}}',
  '{"a":1,"a":2}',
  '{"\\u0000":1}',
  '{"\\ud800":1}',
  `${'['.repeat(500)}${']'.repeat(500)}`,
  `${'{"a":'.repeat(500)}1${'}'.repeat(500)}`,
  `[${'0,'.repeat(99_999)}0]`,
  '[',
  '{"a"',
  '\u0000',
  'undefined',
  ...HOSTILE_TEXTS.map((text) => JSON.stringify(text)),
];
const CONTENT_TYPES = [
  'application/json',
  'application/json; charset=utf-8',
  'application/json; charset=utf-16',
  'text/plain',
  'application/x-www-form-urlencoded',
  'multipart/form-data',
  'application/xml',
  'x',
  '',
];
const UNKNOWN_ID = '01a00000-0000-7000-8000-000000000000';

/**
 * Requests for every operation in docs/api/openapi.json: each part as its schema wants it, or hostile. `ids` are of things that exist, so
 * that the code behind a look-up is reached as well. `except` names operations to leave out.
 */
export function randomRequests({
  ids = [],
  except = [],
}: { ids?: readonly string[]; except?: readonly string[] } = {}): fc.Arbitrary<RandomRequest> {
  const operations = Object.entries(DOCUMENT.paths).flatMap(([url, methods]) =>
    Object.entries(methods).map(([method, operation]) => ({ url, method: method.toUpperCase(), operation })),
  );
  return fc
    .constantFrom(...operations.filter(({ operation }) => !except.includes(operation.operationId)))
    .chain(({ url, method, operation }) => {
      const parameters = operation.parameters ?? [];
      const query = fc.record(
        Object.fromEntries(parameters.filter((one) => one.in === 'query').map((one) => [one.name, plainOf(one.schema, ids)])),
        { requiredKeys: [] },
      );
      const body = operation.requestBody
        ? jsonOf(operation.requestBody.content['application/json'].schema, ids)
        : fc.option(fc.constantFrom(...HOSTILE_JSON), { nil: undefined, freq: 4 });
      return fc
        .record({
          id: fc.oneof(
            { weight: 8, arbitrary: fc.constantFrom(UNKNOWN_ID, ...ids) },
            { weight: 1, arbitrary: fc.constantFrom(...HOSTILE_TEXTS) },
          ),
          isRaw: fc.nat(19),
          query,
          body,
          contentType: fc.oneof(
            { weight: 12, arbitrary: fc.constant('application/json') },
            { weight: 1, arbitrary: fc.constantFrom(...CONTENT_TYPES) },
          ),
        })
        .map(({ id, isRaw, query: asked, body: text, contentType }): RandomRequest => {
          const spell =
            isRaw === 0
              ? (value: string) => value.replaceAll(/[^\x21-\x7e]|[#? ]/g, '')
              : (value: string) => encodeURIComponent(value.toWellFormed());
          const search = Object.entries(asked)
            .map(([name, value]) => `${spell(name)}=${spell(String(value))}`)
            .join('&');
          return {
            operationId: operation.operationId,
            method,
            path: url.replace('{id}', () => spell(id)) + (search && `?${search}`),
            headers: text === undefined ? {} : { 'content-type': contentType },
            body: method === 'GET' ? undefined : text,
          };
        });
    });
}

/** A query value as text. */
function plainOf(schema: Schema, ids: readonly string[]): fc.Arbitrary<unknown> {
  return fc.oneof(
    { weight: 3, arbitrary: fittingOf(schema, ids) },
    { weight: 2, arbitrary: fc.constantFrom(...HOSTILE_TEXTS.filter((text) => text.length < 5000)) },
  );
}

/** A body: by its schema, by its schema with one part replaced, or anything. */
function jsonOf(schema: Schema, ids: readonly string[]): fc.Arbitrary<string> {
  const fitting = fittingOf(schema, ids).map((value) => JSON.stringify(value) ?? '');
  const exchanged = fc.tuple(fitting, fc.nat(), fc.constantFrom(...HOSTILE_JSON)).map(([text, place, hostile]) => {
    const places = [...text.matchAll(/(?<=[:[,])("(?:[^"\\]|\\.)*"|-?\d[\d.e+-]*|true|false|null)(?=[,\]}])/g)];
    const at = places[place % Math.max(1, places.length)];
    return at ? text.slice(0, at.index) + hostile + text.slice(at.index + at[0].length) : text;
  });
  return fc.oneof(
    { weight: 3, arbitrary: fitting },
    { weight: 5, arbitrary: exchanged },
    { weight: 1, arbitrary: fc.constantFrom(...HOSTILE_JSON) },
  );
}

function fittingOf(schema: Schema, ids: readonly string[]): fc.Arbitrary<unknown> {
  if (schema.$ref !== undefined) return fittingOf(DOCUMENT.components!.schemas![schema.$ref.split('/').at(-1)!]!, ids);
  if (schema.const !== undefined) return fc.constant(schema.const);
  if (schema.enum) return fc.constantFrom(...schema.enum);
  const choices = schema.anyOf ?? schema.oneOf;
  if (choices) return fc.oneof(...choices.map((one) => fittingOf(one, ids)));
  switch (schema.type) {
    case 'object':
      return fc.record(Object.fromEntries(Object.entries(schema.properties ?? {}).map(([name, inner]) => [name, fittingOf(inner, ids)])), {
        requiredKeys: [],
      });
    case 'array':
      return fc.array(fittingOf(schema.items ?? {}, ids), { maxLength: 3 });
    case 'boolean':
      return fc.boolean();
    case 'integer':
    case 'number':
      return fc.oneof(fc.integer({ min: 1, max: 100 }), fc.constantFrom(0, -1, 2 ** 31, 2 ** 32, 2 ** 53, 0.5));
    case 'null':
      return fc.constant(null);
    default:
      break;
  }
  if (schema.format === 'date-time')
    return fc
      .date({ min: new Date('2026-01-01T00:00:00Z'), max: new Date('2026-12-31T00:00:00Z'), noInvalidDate: true })
      .map((date) => date.toISOString());
  if (schema.pattern?.includes('[0-9a-f]{8}')) return fc.constantFrom(UNKNOWN_ID, ...ids);
  return fc.oneof(
    fc.constantFrom('proto:udp', 'port:5060', 'a name', 'Europe/Rome', '0 3 * * *', 'abc'),
    fc.string({ maxLength: 20 }),
    fc.constantFrom(...HOSTILE_TEXTS.slice(0, 12)),
  );
}
