import { subscribe } from 'node:diagnostics_channel';
import type { IncomingMessage } from 'node:http';
import { callerAddress, parseProxies } from './caller-address.ts';

/**
 * Route handlers do not see the connection of a request, and Next trusts a browser's own X-Forwarded-For. So each request is marked with
 * its caller's address on arrival, before Next handles it. The mark begins with a secret that only this process knows.
 */
const MARK = 'x-ctfleet-caller';
const shared = globalThis as typeof globalThis & { ctfleetMark?: string };

/** Marks every request from now on. Call once, when the server starts. Throws TypeError if CTFLEET_TRUSTED_PROXIES is invalid. */
export function markRequests(): void {
  const proxies = parseProxies(process.env.CTFLEET_TRUSTED_PROXIES ?? '');
  const mark = crypto.randomUUID();
  shared.ctfleetMark = mark;
  subscribe('http.server.request.start', (message) => {
    const { headers, socket } = (message as { request: IncomingMessage }).request;
    headers[MARK] = `${mark} ${callerAddress(socket.remoteAddress, headers['x-forwarded-for']?.toString(), proxies) ?? ''}`;
  });
}

/** The caller's address in the mark of a request; undefined without a valid mark. */
export function markedAddress(headers: Headers): string | undefined {
  const [mark, address] = headers.get(MARK)?.split(' ') ?? [];
  return mark !== undefined && mark === shared.ctfleetMark && address ? address : undefined;
}

/** Headers that state where a request came from; none is accepted from a browser. */
export const ORIGIN_HEADERS = [
  MARK,
  'forwarded',
  'x-forwarded-for',
  'x-forwarded-host',
  'x-forwarded-proto',
  'x-forwarded-port',
  'x-real-ip',
  'x-client-ip',
  'cf-connecting-ip',
  'true-client-ip',
];
