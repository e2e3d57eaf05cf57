import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { isIP } from 'node:net';
import { id as idSchema } from '../../proto/http/common.ts';
import { FleetError } from '../../proto/model/error-codes.ts';
import { sendProblem } from '../access/sign-in.controller.ts';
import type { OidcSignInService, Refusal } from './oidc-sign-in.service.ts';

const PREFIX = '/api/auth/oidc';
const COOKIE = 'ctfleet.oidc';
const MAX_NEXT = 1000;

/**
 * Mounts the way to providers and back beside the sign-in library, since nobody has signed in yet. Both ends are navigations of the
 * browser, so what the provider refuses leads to the sign-in page, with the reason.
 */
export function mountOidc(fastify: FastifyInstance, service: OidcSignInService, publicUrl: string): void {
  const isSecure = publicUrl.startsWith('https:');
  // The way back begins on the provider's page: a cookie of this site alone would not be sent.
  const cookie = (value: string, seconds: number): string =>
    `${COOKIE}=${value}; Path=${PREFIX}; Max-Age=${seconds}; HttpOnly; SameSite=Lax${isSecure ? '; Secure' : ''}`;
  const route = (url: string, handle: (request: FastifyRequest, reply: FastifyReply) => Promise<unknown>): void => {
    fastify.route({
      method: 'GET',
      url: `${PREFIX}${url}`,
      handler: async (request, reply) => {
        reply.header('cache-control', 'no-store');
        return handle(request, reply).catch((error: unknown) => sendProblem(request, reply, error));
      },
    });
  };
  route('/providers', async (_, reply) => reply.send({ items: await service.names() }));
  route('/:id/start', async (request, reply) => {
    const next = localPath((request.query as { next?: unknown }).next);
    const begun = await service.begin(idOf(request), next, addressOf(request));
    if ('refusal' in begun) return goTo(reply, refusedAt(begun.refusal));
    return reply.header('set-cookie', cookie(begun.browser, 600)).redirect(begun.location, 302);
  });
  route('/:id/callback', async (request, reply) => {
    const browser = new RegExp(`(?:^|;\\s*)${COOKIE}=([\\w-]{43})(?:;|$)`).exec(request.headers.cookie ?? '')?.[1] ?? '';
    const headers = new Headers({ 'x-forwarded-for': request.ip, 'user-agent': request.headers['user-agent'] ?? '' });
    const returned = await service.finish(idOf(request), new URL(request.originalUrl, publicUrl), browser, headers, addressOf(request));
    reply.header('set-cookie', cookie('', 0));
    if (returned.kind === 'refused') return goTo(reply, refusedAt(returned.why));
    for (const one of returned.cookies) reply.header('set-cookie', one);
    return goTo(reply, returned.next);
  });
}

/**
 * A page that goes on by itself. A redirect would still count as coming from the provider's site, and the session's cookie would not be
 * sent.
 */
async function goTo(reply: FastifyReply, place: string): Promise<FastifyReply> {
  const url = place.replaceAll('&', '&amp;').replaceAll('"', '&quot;').replaceAll('<', '&lt;');
  return reply
    .type('text/html; charset=utf-8')
    .send(
      `<!doctype html><html lang="en"><meta http-equiv="refresh" content="0;url=${url}"><title>Signing in</title><a href="${url}">Continue</a></html>`,
    );
}

function refusedAt(why: Refusal): string {
  return `/sign-in?refused=${why}`;
}

/** A path of the console, never another site. */
function localPath(next: unknown): string {
  return typeof next === 'string' && next.length <= MAX_NEXT && /^\/(?![/\\])[^\s"<>\\]*$/.test(next) ? next : '/';
}

function idOf(request: FastifyRequest): string {
  const parsed = idSchema.safeParse((request.params as { id?: unknown }).id);
  if (!parsed.success) throw new FleetError('NOT_FOUND', 'There is no such provider.');
  return parsed.data;
}

function addressOf({ ip }: FastifyRequest): string {
  return isIP(ip) ? ip : 'unknown';
}
