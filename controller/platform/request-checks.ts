import type { FastifyReply, FastifyRequest } from 'fastify';
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import { ERROR_CODES, FleetError } from '../../proto/model/error-codes.ts';
import { storageProblem } from '../../proto/model/text.ts';
import { toFleetError, toProblem } from './problem.ts';

/** Levels of a body. The deepest document of the contract has six. */
const MAX_DEPTH = 32;

/** Refuses, before any handler sees it, what no column can store and no schema should walk: in path, query and body alike. Throws INVALID_REQUEST with the place. */
export function refuseUnstorable({ params, query, body }: Pick<FastifyRequest, 'params' | 'query' | 'body'>): void {
  for (const [part, value] of Object.entries({ path: params, query, body })) {
    const problem = storageProblem(value, MAX_DEPTH);
    if (!problem) continue;
    const path = [part, problem.path].filter(Boolean).join('.');
    throw new FleetError('INVALID_REQUEST', `${path} ${problem.message}.`, { issues: [{ path, message: problem.message }] });
  }
}

/** The answer to a request that Fastify gave up before it had a route: an address that cannot be decoded. */
export function answerUnroutable(error: Error, request: FastifyRequest, reply: FastifyReply): void {
  const refusal = toFleetError(error);
  void reply.status(ERROR_CODES[refusal.code].http).type('application/problem+json').send(toProblem(refusal, request.originalUrl, String(request.id)));
}

/** The answer to a request with an `Expect` that nobody knows. */
export function answerExpectation(_request: IncomingMessage, response: ServerResponse): void {
  const refusal = new FleetError('INVALID_REQUEST', 'The header Expect asks for what this server does not do. Leave it out.');
  response.writeHead(ERROR_CODES[refusal.code].http, { 'content-type': 'application/problem+json', connection: 'close' }).end(JSON.stringify(toProblem(refusal, '', '')));
}

/** The answer to what is no HTTP at all; the connection ends with it. */
export function answerUnparsable(error: NodeJS.ErrnoException, socket: Socket): void {
  if (error.code === 'ECONNRESET' || !socket.writable) return void socket.destroy();
  const body = JSON.stringify(toProblem(new FleetError('INVALID_REQUEST', 'This is not an HTTP request that can be read.'), '', ''));
  const head = ['HTTP/1.1 400 Bad Request', 'content-type: application/problem+json', `content-length: ${Buffer.byteLength(body)}`, 'connection: close'];
  socket.end(`${head.join('\r\n')}\r\n\r\n${body}`);
}
