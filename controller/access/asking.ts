import type { z } from 'zod';
import { invalidRequest } from '../platform/problem.ts';

/** One request to the sign-in library. `address` is the caller's. */
export interface Asking {
  path: string;
  request: Request;
  body: unknown;
  address: string;
}

/** Throws INVALID_REQUEST with each issue. */
export function parseBody<S extends z.ZodType>(schema: S, body: unknown): z.output<S> {
  const parsed = schema.safeParse(body);
  if (!parsed.success) throw invalidRequest(parsed.error, 'body');
  return parsed.data;
}

/** The request as the library gets it: with this body and no other, at this path or its own. */
export function remake({ request, path }: Pick<Asking, 'request' | 'path'>, body: unknown, to = path): Request {
  const url = new URL(request.url);
  url.pathname = url.pathname.slice(0, -path.length) + to;
  return new Request(url, { method: 'POST', headers: request.headers, body: JSON.stringify(body) });
}

/** An answer with the cookies of another and nothing of its body, which has the token of the session. */
export function withCookies(response: Response, body: unknown = {}): Response {
  const headers = new Headers();
  for (const cookie of response.headers.getSetCookie()) headers.append('set-cookie', cookie);
  return Response.json(body, { headers });
}
