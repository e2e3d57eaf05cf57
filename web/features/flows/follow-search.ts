import { eventsOf } from '../../../client/events.ts';
import { ControllerError } from '../../../client/problem.ts';
import type { Body } from '../../../client/client.ts';
import type { SearchEvent } from '../../../proto/http/flows.ts';
import { routes } from '../../../proto/http/routes.ts';
import { controller } from '../../lib/controller/client.ts';

type End = Extract<SearchEvent, { kind: 'end' }>['answer'];
export type SearchProgress = Extract<SearchEvent, { kind: 'progress' }>;

/** A search to its end, told as it goes on. Throws ControllerError, also where the stream breaks before its end. */
export async function followSearch(
  body: Body<typeof routes.watchSearch>,
  signal: AbortSignal,
  onProgress: (progress: SearchProgress) => void,
): Promise<End> {
  for await (const event of eventsOf(controller, routes.watchSearch, { body, signal })) {
    if (event.kind === 'end') return event.answer;
    onProgress(event);
  }
  signal.throwIfAborted();
  throw new ControllerError({
    type: 'about:blank',
    title: 'UNAVAILABLE',
    status: 503,
    code: 'UNAVAILABLE',
    detail: 'The search was broken off before its end. Refresh.',
  });
}
