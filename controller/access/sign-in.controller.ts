import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { isIP } from 'node:net';
import { isSignInRoute } from '../../proto/http/sign-in.ts';
import { ERROR_CODES, FleetError } from '../../proto/model/error-codes.ts';
import { toFleetError, toProblem } from '../platform/problem.ts';
import { isOwnSite } from './cross-site.ts';
import { refusalIn } from './library-errors.ts';
import type { SignInService } from './sign-in.service.ts';

const PREFIX = '/api/auth';

/**
 * Mounts better-auth at /api/auth. It is not a route of the contract and has no caller yet, so it is registered beside Nest's handlers:
 * only the routes of SIGN_IN_ROUTES exist, and requests that change something must come from our own site.
 */
export function mountSignIn(fastify: FastifyInstance, service: SignInService, publicUrl: string): void {
  fastify.route({
    method: ['GET', 'POST'],
    url: `${PREFIX}/*`,
    handler: async (request, reply) => {
      try {
        await answer(request, reply, service, publicUrl);
      } catch (error) {
        await sendProblem(request, reply, error);
      }
    },
  });
}

/** What went wrong, as every other route says it. */
export async function sendProblem(request: FastifyRequest, reply: FastifyReply, error: unknown): Promise<void> {
  const refusal = toFleetError(error);
  if (typeof refusal.fields.retryAfterSeconds === 'number') reply.header('retry-after', String(refusal.fields.retryAfterSeconds));
  await reply
    .status(ERROR_CODES[refusal.code].http)
    .type('application/problem+json')
    .send(toProblem(refusal, request.originalUrl, String(request.id)));
}

async function answer(request: FastifyRequest, reply: FastifyReply, service: SignInService, publicUrl: string): Promise<void> {
  const url = new URL(request.originalUrl, publicUrl);
  const path = url.pathname.slice(PREFIX.length);
  if (!isSignInRoute(request.method, path)) throw new FleetError('NOT_FOUND', 'Nothing exists at this address.');
  if (
    request.method === 'POST' &&
    !isOwnSite({ origin: request.headers.origin, secFetchSite: request.headers['sec-fetch-site']?.toString() }, publicUrl)
  ) {
    throw new FleetError('CROSS_SITE_REFUSED', 'This request came from a page of another site. Use the console.');
  }
  const headers = new Headers();
  for (const name of ['cookie', 'user-agent', 'content-type', 'origin'] as const) {
    const value = request.headers[name];
    if (value !== undefined) headers.set(name, value);
  }
  headers.set('x-forwarded-for', request.ip);
  const body = request.method === 'POST' ? JSON.stringify(request.body ?? {}) : undefined;
  if (body !== undefined) headers.set('content-type', 'application/json');
  const response = await service.answer({
    path,
    request: new Request(url, { method: request.method, headers, body }),
    body: request.body,
    address: isIP(request.ip) ? request.ip : 'unknown',
  });
  const refusal = await refusalIn(response);
  if (refusal) throw refusal;
  reply.status(response.status);
  for (const [name, value] of response.headers) if (name !== 'set-cookie' && name !== 'content-length') reply.header(name, value);
  reply.header('set-cookie', response.headers.getSetCookie()).header('cache-control', 'no-store');
  await reply.send(await response.text());
}
