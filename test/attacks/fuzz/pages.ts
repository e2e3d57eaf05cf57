import { readFileSync } from 'node:fs';
import path from 'node:path';
import { ROOT } from '../../../tools/set-up.ts';
import type { AttackedController } from './attacked-controller.ts';
import type { Findings } from './findings.ts';

/** A JSON schema, as far as the document uses it. */
export interface JsonSchema {
  type?: string;
  properties?: Record<string, JsonSchema>;
  required?: string[];
  items?: JsonSchema;
  enum?: unknown[];
  const?: unknown;
  default?: unknown;
  anyOf?: JsonSchema[];
  oneOf?: JsonSchema[];
  minimum?: number;
  maximum?: number;
  minLength?: number;
  maxLength?: number;
  maxItems?: number;
  pattern?: string;
  format?: string;
  additionalProperties?: boolean | JsonSchema;
}

/** One operation of the REST API, as its document describes it. */
export interface Operation {
  id: string;
  method: string;
  path: string;
  parameters: { in: string; name: string; schema: JsonSchema; required?: boolean }[];
  body?: JsonSchema;
  successes: number[];
  isStream: boolean;
}

interface Described {
  operationId: string;
  parameters?: Operation['parameters'];
  requestBody?: { content: Record<string, { schema: JsonSchema }> };
  responses: Record<string, { content?: Record<string, unknown> }>;
}

/** Every operation in the API's own document. */
export function readOperations(): Operation[] {
  const document = JSON.parse(readFileSync(path.join(ROOT, 'docs/api/openapi.json'), 'utf8')) as {
    paths: Record<string, Record<string, Described>>;
  };
  return Object.entries(document.paths).flatMap(([url, methods]) =>
    Object.entries(methods).map(([method, described]) => ({
      id: described.operationId,
      method: method.toUpperCase(),
      path: url,
      parameters: described.parameters ?? [],
      body: described.requestBody?.content['application/json']?.schema,
      successes: Object.keys(described.responses)
        .map(Number)
        .filter((status) => status >= 200 && status < 300),
      isStream: Object.values(described.responses).some(
        ({ content }) => content !== undefined && Object.keys(content).some((type) => type === 'text/event-stream'),
      ),
    })),
  );
}

interface Page {
  items?: { id?: string; planId?: string }[];
  cursor?: string;
}

const MAX_PAGES = 20;
/** What a page cannot be opened without, by the end of its path. */
const NEEDED_QUERIES: [end: string, query: () => Record<string, string>][] = [
  ['/samples', () => ({ from: new Date(Date.now() - 3_600_000).toISOString(), to: new Date().toISOString() })],
  ['/policy:explain', () => ({ proto: 'udp', src: '10.1.0.5', dst: '198.51.100.10' })],
];

/** What there is only while a gateway tells it, and how a refusal says that it does not. */
const OF_A_GATEWAY = '/policy:adopt';
const DOES_NOT_TELL = /"code":"(?:GATEWAY_OFFLINE|GATEWAY_SLOW|CAPABILITY_MISSING)"/;

/** Opens every list to its last row, and the newest and the oldest of the items listed. Anything but a 200 is a finding. */
export async function openAllPages(controller: AttackedController, operations: Operation[], findings: Findings): Promise<void> {
  const cookie = await controller.cookie();
  const get = async (url: string): Promise<Page | undefined> => {
    const answer = await fetch(`${controller.origin}${url}`, { headers: { cookie } });
    const text = await answer.text();
    if (answer.status !== 200 && !(url.endsWith(OF_A_GATEWAY) && DOES_NOT_TELL.test(text)))
      findings.add(`a page answers ${answer.status}: ${url.replace(/\?.*/, '').replace(/[0-9a-f-]{36}/, '{id}')}`, `${url}: ${text}`);
    return answer.status === 200 && answer.headers.get('content-type')?.startsWith('application/json')
      ? (JSON.parse(text) as Page)
      : undefined;
  };
  const reads = operations.filter(({ method, isStream }) => method === 'GET' && !isStream);
  const listed = new Map<string, string[]>();
  for (const { path: url } of reads.filter((operation) => !operation.path.includes('{'))) {
    const ids: string[] = [];
    let cursor: string | undefined;
    for (let page = 0; page < MAX_PAGES && (page === 0 || cursor !== undefined); page++) {
      const answer = await get(`${url}${cursor === undefined ? '' : `?cursor=${encodeURIComponent(cursor)}`}`);
      ids.push(...(answer?.items ?? []).flatMap(({ id }) => id ?? []));
      // Plans have no list of their own.
      if (url.endsWith('/flushes'))
        listed.set('/api/v1/plans', [
          ...(listed.get('/api/v1/plans') ?? []),
          ...(answer?.items ?? []).flatMap(({ planId }) => planId ?? []),
        ]);
      cursor = answer?.cursor;
    }
    listed.set(url, ids);
  }
  for (const { path: url } of reads.filter((operation) => operation.path.includes('{id}'))) {
    const ids = listed.get(url.slice(0, url.indexOf('/{id}'))) ?? [];
    const asked = NEEDED_QUERIES.find(([end]) => url.endsWith(end))?.[1]();
    const query = asked ? `?${new URLSearchParams(asked)}` : '';
    for (const id of new Set([...ids.slice(0, 20), ...ids.slice(-5)])) await get(`${url.replace('{id}', id)}${query}`);
  }
}
