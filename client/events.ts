import { readEvents } from './event-parser.ts';
import type { Answered, Client, MaybeAsked } from './client.ts';
import { readProblem } from './problem.ts';
import { routeUrl } from './route-url.ts';
import type { Route } from '../proto/http/route.ts';

/**
 * The events of a stream that has an end, such as those of a search; once, and without reconnecting. Throws as a call does before the
 * first one; a stream that breaks ends early.
 */
export async function* eventsOf<R extends Route>(
  client: Client,
  route: R,
  ...[asked]: MaybeAsked<R>
): AsyncGenerator<NonNullable<Answered<R>>, undefined> {
  const { params, query, body, signal } = (asked ?? {}) as {
    params?: Record<string, unknown>;
    query?: Record<string, unknown>;
    body?: unknown;
    signal?: AbortSignal;
  };
  const response = await client.send(routeUrl(route, params, query), { method: route.method, body, signal, accept: 'text/event-stream' });
  if (!response.ok) throw await readProblem(response);
  for await (const { data } of readEvents(response.body!)) yield route.response!.parse(JSON.parse(data)) as NonNullable<Answered<R>>;
}
