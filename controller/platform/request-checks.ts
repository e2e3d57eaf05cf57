import type { FastifyReply, FastifyRequest } from 'fastify';
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import { finished } from 'node:stream/promises';
import { ERROR_CODES, FleetError } from '../../proto/model/error-codes.ts';
import { storageProblem } from '../../proto/model/text.ts';
import { toFleetError, toProblem } from './problem.ts';

/** The largest body that is read for a handler. */
export const MAX_BODY_BYTES = 1024 * 1024;
/** The policy of every answer of the API: whatever a browser takes it for, nothing in it runs, loads or is framed. */
export const CONTENT_POLICY = {
  defaultSrc: ["'none'"],
  objectSrc: ["'none'"],
  baseUri: ["'none'"],
  formAction: ["'none'"],
  frameAncestors: ["'none'"],
};
/** What helmet sets on other answers, for those that are written before its hook runs. */
const BARE_HEADERS = {
  'content-type': 'application/problem+json; charset=utf-8',
  'cache-control': 'no-store',
  'content-security-policy': "default-src 'none';object-src 'none';base-uri 'none';form-action 'none';frame-ancestors 'none'",
  'strict-transport-security': 'max-age=31536000; includeSubDomains',
  'referrer-policy': 'no-referrer',
  'x-content-type-options': 'nosniff',
};
/** How much of a refused body is read, and for how long, before the connection is closed. */
const MAX_DISCARDED_BYTES = 16 * MAX_BODY_BYTES;
const DISCARD_MS = 5000;
/** Maximum nesting of a body. The deepest document of the contract has six levels. */
const MAX_DEPTH = 32;

/**
 * Refuses, before any handler sees it, what no column can store and no schema should walk, in path, query and body. Throws INVALID_REQUEST
 * with the place.
 */
export function refuseUnstorable({ params, query, body }: Pick<FastifyRequest, 'params' | 'query' | 'body'>): void {
  for (const [part, value] of Object.entries({ path: params, query, body })) {
    const problem = storageProblem(value, MAX_DEPTH);
    if (!problem) continue;
    const path = [part, problem.path].filter(Boolean).join('.');
    throw new FleetError('INVALID_REQUEST', `${path} ${problem.message}.`, { issues: [{ path, message: problem.message }] });
  }
}

/**
 * Reads and discards the rest of a body before its refusal is sent. Closing a connection with unread bytes resets it, and the client then
 * sees a broken pipe instead of the response (RFC 9112, 9.6). Bounded: a client that sends more, or slowly, gets the response and is
 * disconnected.
 */
export async function discardBody({ raw }: Pick<FastifyRequest, 'raw'>): Promise<void> {
  if (raw.complete || raw.destroyed) return;
  const enough = new AbortController();
  let bytes = 0;
  const count = (chunk: Buffer): void => {
    if ((bytes += chunk.length) > MAX_DISCARDED_BYTES) enough.abort();
  };
  raw.on('data', count).resume();
  await finished(raw, { writable: false, signal: AbortSignal.any([enough.signal, AbortSignal.timeout(DISCARD_MS)]) }).catch(
    () => undefined,
  );
  raw.off('data', count).pause();
}

/** Answers are about one caller at one time: no cache keeps them, unless a handler said otherwise. */
export async function forbidCaching(_request: unknown, reply: FastifyReply): Promise<void> {
  if (!reply.hasHeader('cache-control')) reply.header('cache-control', 'no-store');
}

/** The response to a request that Fastify rejected before routing: an address that cannot be decoded. */
export function answerUnroutable(error: Error, request: FastifyRequest, reply: FastifyReply): void {
  const refusal = toFleetError(error);
  void reply
    .status(ERROR_CODES[refusal.code].http)
    .headers(BARE_HEADERS)
    .send(toProblem(refusal, request.originalUrl, String(request.id)));
}

/** The response to a request with an unknown `Expect`. */
export function answerExpectation(_request: IncomingMessage, response: ServerResponse): void {
  const refusal = new FleetError('INVALID_REQUEST', 'The Expect header asks for something this server does not support. Remove it.');
  response
    .writeHead(ERROR_CODES[refusal.code].http, { ...BARE_HEADERS, connection: 'close' })
    .end(JSON.stringify(toProblem(refusal, '', '')));
}

/** The response to something that is not HTTP; the connection is closed afterwards. */
export function answerUnparsable(error: NodeJS.ErrnoException, socket: Socket): void {
  if (error.code === 'ECONNRESET' || !socket.writable) return void socket.destroy();
  const body = JSON.stringify(toProblem(new FleetError('INVALID_REQUEST', 'This is not a readable HTTP request.'), '', ''));
  const head = [
    'HTTP/1.1 400 Bad Request',
    ...Object.entries(BARE_HEADERS).map(([name, value]) => `${name}: ${value}`),
    `content-length: ${Buffer.byteLength(body)}`,
    'connection: close',
  ];
  socket.end(`${head.join('\r\n')}\r\n\r\n${body}`);
}
