import { filterText, hostileText, policyText } from './hostile-text.ts';
import type { KnownIds } from './known-ids.ts';
import type { JsonSchema, Operation } from './pages.ts';
import type { Random } from './random.ts';

/** What goes over the wire; `path` includes its query. */
export interface MadeRequest {
  operation: Operation;
  path: string;
  headers: Record<string, string>;
  body?: Buffer;
}

const MAX_DEPTH = 8;
const CONTENT_TYPES = [
  'application/json',
  'application/json; charset=utf-16',
  'text/plain',
  'application/x-www-form-urlencoded',
  'multipart/form-data; boundary=x',
  'application/octet-stream',
  '',
  'nonsense',
  'application/json;;;',
];
const ODD_HEADERS: Record<string, string>[] = [
  { accept: 'text/html' },
  { 'accept-encoding': 'gzip, br, x' },
  { 'x-forwarded-for': '1.2.3.4, nonsense, ::1' },
  { 'x-forwarded-for': 'x'.repeat(4000) },
  { origin: 'null' },
  { origin: 'https://attacker.example' },
  { 'if-none-match': '"x"' },
  { range: 'bytes=0-1' },
  { 'x-http-method-override': 'DELETE' },
  { 'content-encoding': 'gzip' },
  { 'idempotency-key': '' },
  { 'idempotency-key': 'k' },
  { 'idempotency-key': 'k'.repeat(5000) },
  { 'last-event-id': '\u00ff'.repeat(20) },
  { 'accept-language': '*;q=x' },
  { expect: 'nonsense' },
  { te: 'trailers' },
  { forwarded: 'for="[::1]:99999"' },
];

/** Builds requests from the API's own document: as it describes them, or mutated in one place or another. */
export class RequestMaker {
  readonly #random: Random;
  readonly #ids: KnownIds;
  readonly #operations: Operation[];

  constructor(random: Random, ids: KnownIds, operations: Operation[]) {
    [this.#random, this.#ids, this.#operations] = [random, ids, operations];
  }

  make(): MadeRequest {
    const random = this.#random;
    const operation = random.pick(this.#operations);
    const isHonest = random.perMille(350);
    const query = operation.parameters
      .filter((parameter) => parameter.in === 'query' && (parameter.required === true || random.below(2) === 1))
      .map(({ name, schema }) => `${name}=${escapeQuery(random, toText(this.#value(schema, name, isHonest, 0)))}`);
    if (!isHonest && random.perMille(50))
      query.push(...(query.length > 0 ? [query[0]!] : []), `${escapeQuery(random, hostileText(random))}=1`);
    const place = operation.path.replace(/\{\w+\}/g, () =>
      isHonest || random.perMille(850)
        ? this.#ids.pick(random, kindOfPath(operation.path))
        : escapeQuery(random, hostileText(random)).slice(0, 2000),
    );
    const headers: Record<string, string> = !isHonest && random.perMille(150) ? { ...random.pick(ODD_HEADERS) } : {};
    const request: MadeRequest = { operation, path: query.length > 0 ? `${place}?${query.join('&')}` : place, headers };
    if (operation.body === undefined && (isHonest || !random.perMille(30))) return request;
    headers['content-type'] = isHonest || random.perMille(930) ? 'application/json' : random.pick(CONTENT_TYPES);
    if (headers['content-type'] === '') delete headers['content-type'];
    return { ...request, body: this.#body(operation.body ?? {}, isHonest) };
  }

  #body(schema: JsonSchema, isHonest: boolean): Buffer {
    const random = this.#random;
    if (!isHonest && random.perMille(60)) return oddBody(random);
    const body = JSON.stringify(this.#value(schema, '', isHonest, 0)) ?? '';
    if (isHonest || !random.perMille(40)) return Buffer.from(body);
    const bytes = Buffer.from(body);
    if (bytes.length > 0) bytes[random.below(bytes.length)] = random.below(256);
    return bytes;
  }

  /** A value of the schema; a dishonest one may be anything, anywhere. */
  #value(schema: JsonSchema, name: string, isHonest: boolean, depth: number): unknown {
    const random = this.#random;
    if (!isHonest && random.perMille(70)) return this.#anything(depth);
    if (schema.const !== undefined) return schema.const;
    if (schema.enum) return random.pick(schema.enum);
    const choices = schema.oneOf ?? schema.anyOf;
    if (choices) return this.#value(random.pick(choices), name, isHonest, depth);
    switch (schema.type) {
      case 'object':
        return this.#object(schema, isHonest, depth);
      case 'array': {
        const length = !isHonest && random.perMille(15) ? random.pick([100, 1000, 5000]) : random.below(3);
        return Array.from({ length }, () => this.#value(schema.items ?? {}, name, isHonest, depth + 1));
      }
      case 'integer':
      case 'number':
        return this.#number(schema, isHonest);
      case 'boolean':
        return random.below(2) === 1;
      case 'null':
        return null;
      case 'string':
        return this.#text(schema, name, isHonest);
      default:
        return this.#anything(depth);
    }
  }

  #object(schema: JsonSchema, isHonest: boolean, depth: number): Record<string, unknown> {
    const random = this.#random;
    const value: Record<string, unknown> = {};
    for (const [name, property] of Object.entries(schema.properties ?? {})) {
      const isThere = schema.required?.includes(name) ? isHonest || random.perMille(970) : random.perMille(400);
      if (isThere && depth < MAX_DEPTH) value[name] = this.#value(property, name, isHonest, depth + 1);
    }
    if (!isHonest && random.perMille(30)) value[hostileText(random).slice(0, 200)] = this.#anything(depth);
    return value;
  }

  #number(schema: JsonSchema, isHonest: boolean): number {
    const random = this.#random;
    const [least, most] = [schema.minimum ?? 0, Math.min(schema.maximum ?? 1000, (schema.minimum ?? 0) + 2 ** 31)];
    if (isHonest || random.perMille(700))
      return random.perMille(100) ? random.pick([least, most]) : least + random.below(Math.max(1, Math.min(most - least + 1, 1000)));
    return random.pick([least - 1, most + 1, 0, -0, -1, 0.5, 1e-9, 2 ** 31, 2 ** 32, 2 ** 53, 1e21, 1e308, -1e308]);
  }

  #text(schema: JsonSchema, name: string, isHonest: boolean): string {
    const random = this.#random;
    if (schema.format === 'date-time')
      return isHonest || random.perMille(700) ? new Date(Date.now() - random.below(2 ** 32)).toISOString() : hostileText(random);
    if (name === 'filter' || name === 'q') return isHonest ? 'proto:udp' : filterText(random);
    if (name === 'document') return policyText(random, isHonest);
    if (name === 'digest') return this.#ids.pick(random, 'digest');
    if (name === 'cursor')
      return this.#ids.has('cursor') && random.perMille(700)
        ? this.#damaged(this.#ids.pick(random, 'cursor'), isHonest)
        : hostileText(random);
    if (schema.pattern?.startsWith('^[0-9a-f]{8}-'))
      return isHonest || random.perMille(900) ? this.#ids.pick(random, kindOfName(name)) : hostileText(random);
    if (isHonest) return `${name} ${random.below(1000)}`.slice(0, schema.maxLength ?? 60);
    return hostileText(random);
  }

  #damaged(text: string, isHonest: boolean): string {
    const random = this.#random;
    if (isHonest || random.perMille(400)) return text;
    const decoded = Buffer.from(text, 'base64url');
    if (decoded.length > 0) decoded[random.below(decoded.length)] = random.below(256);
    return random.perMille(500)
      ? decoded.toString('base64url')
      : Buffer.from(JSON.stringify([this.#anything(4), this.#anything(4)])).toString('base64url');
  }

  #anything(depth: number): unknown {
    const random = this.#random;
    switch (random.below(depth >= MAX_DEPTH ? 6 : 9)) {
      case 0:
        return null;
      case 1:
        return random.double();
      case 2:
        return random.below(2) === 1;
      case 3:
        return hostileText(random);
      case 4:
        return random.pick([0, -1, 2 ** 53, '', [], {}, '0', [[]], ['__proto__']]);
      case 5:
        return filterText(random);
      case 6:
        return Array.from({ length: random.below(4) }, () => this.#anything(depth + 1));
      case 7:
        return Object.fromEntries(
          Array.from({ length: random.below(4) }, () => [hostileText(random).slice(0, 100), this.#anything(depth + 1)]),
        );
      default:
        return nested(random.pick([10, 100, 1000]));
    }
  }
}

/** Nested arrays. */
function nested(depth: number): unknown {
  let value: unknown = 1;
  for (let level = 0; level < depth; level++) value = [value];
  return value;
}

function oddBody(random: Random): Buffer {
  const odd = [
    '',
    'null',
    '[]',
    '""',
    '1',
    '{',
    '{"a":',
    '{"__proto__":{"x":1}}',
    '{"constructor":{"prototype":{"x":1}}}',
    '\ufeff{}',
    '{"a":1e999}',
    '{"filter":"\\ud800"}',
    '{"filter":"\\u0000"}',
    `${'['.repeat(20_000)}`,
    `${'{"a":'.repeat(5000)}1${'}'.repeat(5000)}`,
    `[${'1,'.repeat(100_000)}1]`,
  ];
  return random.perMille(100)
    ? random.bytes(random.below(3000))
    : random.perMille(5)
      ? Buffer.alloc(1_100_000, 0x20)
      : Buffer.from(random.pick(odd));
}

/** As a browser would, more or less: what is legal in a request line is occasionally left unescaped. */
function escapeQuery(random: Random, text: string): string {
  const escaped = encodeURIComponent(text.toWellFormed());
  if (!random.perMille(60)) return escaped;
  return random.pick([
    `${escaped}%`,
    `${escaped}%ff%fe`,
    `${escaped}%ed%a0%80`,
    `${escaped}%00`,
    escaped.replaceAll('%', '%25'),
    `..%2f${escaped}`,
    `${escaped};x=1`,
  ]);
}

/** As it appears in a query. */
function toText(value: unknown): string {
  return typeof value === 'string' ? value : (JSON.stringify(value) ?? '');
}

/** What an id in a path names: in `/api/v1/flushes/{id}:cancel` a flush. */
export function kindOfPath(path: string): string {
  return path.split('/')[3]!.replace(/:.*/, '');
}

function kindOfName(name: string): string {
  const plural: Record<string, string> = {
    tenant: 'tenants',
    tenantId: 'tenants',
    site: 'sites',
    siteId: 'sites',
    gateway: 'gateways',
    gatewayId: 'gateways',
    flush: 'flushes',
    remediation: 'remediations',
  };
  return plural[name] ?? name;
}
