import { ERROR_CODES } from '../../../../proto/model/error-codes.ts';
import type { Problem } from '../../../../proto/http/common.ts';
import { markedAddress, ORIGIN_HEADERS } from '../../../lib/peers.ts';

export const dynamic = 'force-dynamic';

/** Hop-by-hop headers (RFC 9110, 7.6.1), and those that fetch sets itself. */
const HOP_BY_HOP = [
  'connection',
  'keep-alive',
  'proxy-connection',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
  'content-length',
  'content-encoding',
];

/** What the controller's own answers say of themselves, for those that it did not give. */
const BARE_HEADERS = {
  'content-type': 'application/problem+json; charset=utf-8',
  'cache-control': 'no-store',
  'content-security-policy': "default-src 'none'; object-src 'none'; base-uri 'none'; frame-ancestors 'none'",
  'strict-transport-security': 'max-age=31536000; includeSubDomains',
  'referrer-policy': 'no-referrer',
  'x-content-type-options': 'nosniff',
};

/**
 * Forwards a request to the controller and streams the response back, event streams included. The address is read at run time from
 * CTFLEET_API_URL, so that one build serves everywhere. Only this server states the caller's address: what a browser claims about it is
 * removed. A controller that does not answer becomes a problem like any other: UNAVAILABLE.
 */
async function forward(request: Request): Promise<Response> {
  const { pathname, search, host } = new URL(request.url);
  const base = process.env.CTFLEET_API_URL ?? 'http://127.0.0.1:4000';
  const headers = without(request.headers, [...HOP_BY_HOP, 'host', 'accept-encoding', 'expect', ...ORIGIN_HEADERS]);
  const address = markedAddress(request.headers);
  if (address !== undefined) headers.set('x-forwarded-for', address);
  headers.set('accept-encoding', 'identity');
  headers.set('x-forwarded-host', request.headers.get('host') ?? host);
  try {
    const answer = await fetch(new URL(pathname + search, base), {
      method: request.method,
      headers,
      redirect: 'manual',
      cache: 'no-store',
      signal: request.signal,
      body: request.method === 'GET' || request.method === 'HEAD' ? undefined : await request.arrayBuffer(),
    });
    return new Response(isEvents(answer) ? untilBroken(answer.body!) : answer.body, {
      status: answer.status,
      headers: without(answer.headers, HOP_BY_HOP),
    });
  } catch (error) {
    if (request.signal.aborted) return new Response(null, { status: 499 });
    return unavailable(pathname, error);
  }
}

function isEvents(answer: Response): boolean {
  return answer.body !== null && (answer.headers.get('content-type')?.startsWith('text/event-stream') ?? false);
}

/**
 * Ends an event stream cleanly when the controller goes away: the console reconnects by itself. Other responses fail, so that none is taken
 * for complete.
 */
function untilBroken(body: ReadableStream<Uint8Array>): ReadableStream<Uint8Array> {
  const reader = body.getReader();
  return new ReadableStream({
    async pull(controller) {
      const { done, value } = await reader.read().catch(() => ({ done: true as const, value: undefined }));
      if (done) controller.close();
      else controller.enqueue(value);
    },
    cancel: (reason) => reader.cancel(reason).catch(() => undefined),
  });
}

function without(headers: Headers, names: string[]): Headers {
  const kept = new Headers(headers);
  for (const name of names) kept.delete(name);
  return kept;
}

function unavailable(instance: string, error: unknown): Response {
  const cause = error instanceof Error && error.cause instanceof Error ? error.cause.message : String(error);
  const body: Problem = {
    type: 'about:blank',
    title: 'UNAVAILABLE',
    status: ERROR_CODES.UNAVAILABLE.http,
    code: 'UNAVAILABLE',
    instance,
    detail: `The controller does not answer (${cause}). Gateways go on with what they were told; look at the controller’s log, then try again.`,
  };
  return Response.json(body, { status: body.status, headers: BARE_HEADERS });
}

export { forward as GET, forward as POST, forward as PATCH, forward as PUT, forward as DELETE };
