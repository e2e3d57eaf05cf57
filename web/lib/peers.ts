import { subscribe } from 'node:diagnostics_channel';
import type { IncomingMessage } from 'node:http';
import { callerAddress, parseProxies } from './caller-address.ts';

/**
 * Route handlers do not see the connection of a request, and Next takes a browser's own X-Forwarded-For for true. So each request is marked
 * with the
 * address of its caller when it arrives, before Next has it. The mark begins with a word that nobody outside of this process knows.
 */
const MARK = 'x-ctfleet-caller';
const shared = globalThis as typeof globalThis & { ctfleetMark?: string };

/** Marks every request from now on. Once, when the server starts. Throws TypeError where CTFLEET_TRUSTED_PROXIES is wrong. */
export function markRequests(): void {
  const proxies = parseProxies(process.env.CTFLEET_TRUSTED_PROXIES ?? '');
  const mark = crypto.randomUUID();
  shared.ctfleetMark = mark;
  subscribe('http.server.request.start', (message) => {
    const { headers, socket } = (message as { request: IncomingMessage }).request;
    headers[MARK] = `${mark} ${callerAddress(socket.remoteAddress, headers['x-forwarded-for']?.toString(), proxies) ?? ''}`;
  });
}

/** The caller's address that the mark of a request says; undefined without a mark of ours. */
export function markedAddress(headers: Headers): string | undefined {
  const [mark, address] = headers.get(MARK)?.split(' ') ?? [];
  return mark !== undefined && mark === shared.ctfleetMark && address ? address : undefined;
}

/** Headers that say where a request came from, none of which is taken from a browser. */
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
