import type { Route } from '../proto/http/route.ts';
import type { Answered, Asked, Client } from './client.ts';
import { createEventParser } from './event-parser.ts';
import { ControllerError, readProblem } from './problem.ts';
import { routeUrl } from './route-url.ts';

/**
 * A stream is connecting, live with the time of its last byte, waiting for its next attempt, or given up because the controller refused it.
 */
export type StreamState =
  | { kind: 'connecting' }
  | { kind: 'live'; lastAtMs: number }
  | { kind: 'waiting'; retryAtMs: number }
  | { kind: 'refused'; error: ControllerError };

export interface SubscribeOptions<R extends Route> {
  onEvent(event: NonNullable<Answered<R>>): void;
  onState(state: StreamState): void;
  now(): number;
}

const LONGEST_WAIT_MS = 30_000;
/** A stream without a byte for this long is considered broken; heartbeats are far more frequent. */
const SILENCE_MS = 45_000;

/**
 * How long to wait before retry number `failures` (from 1): 1 s, doubling to 30 s, minus up to a quarter so that consoles do not reconnect
 * all at once.
 */
export function retryDelayMs(failures: number, random: number): number {
  return Math.min(LONGEST_WAIT_MS, 1000 * 2 ** (failures - 1)) * (1 - random / 4);
}

/** Follows an event stream until the returned function is called. Reconnects with growing pauses; stops only when a retry cannot help. */
export function subscribe<R extends Route>(
  client: Client,
  route: R,
  asked: Omit<Asked<R>, 'signal' | 'body'>,
  { onEvent, onState, now }: SubscribeOptions<R>,
): () => void {
  const stop = new AbortController();
  let timer: ReturnType<typeof setTimeout> | undefined;
  let failures = 0;
  const { params, query } = asked as { params?: Record<string, unknown>; query?: Record<string, unknown> };

  async function run(): Promise<void> {
    onState({ kind: 'connecting' });
    const attempt = new AbortController();
    const silence = watchdog(() => attempt.abort(), SILENCE_MS);
    try {
      const response = await client.send(routeUrl(route, params, query), {
        method: route.method,
        accept: 'text/event-stream',
        signal: AbortSignal.any([stop.signal, attempt.signal]),
      });
      if (!response.ok) throw await readProblem(response);
      const parse = createEventParser();
      for await (const chunk of response.body!.pipeThrough(new TextDecoderStream())) {
        failures = 0;
        silence.reset();
        onState({ kind: 'live', lastAtMs: now() });
        for (const event of parse(chunk)) onEvent(route.response!.parse(JSON.parse(event.data)) as NonNullable<Answered<R>>);
      }
    } catch (error) {
      if (stop.signal.aborted) return;
      if (error instanceof ControllerError && !error.canRetry && error.code !== 'INTERNAL') return onState({ kind: 'refused', error });
    } finally {
      silence.stop();
    }
    if (stop.signal.aborted) return;
    const delay = retryDelayMs(++failures, Math.random());
    onState({ kind: 'waiting', retryAtMs: now() + delay });
    timer = setTimeout(() => void run(), delay);
  }

  void run();
  return () => {
    stop.abort();
    clearTimeout(timer);
  };
}

function watchdog(bark: () => void, afterMs: number): { reset(): void; stop(): void } {
  let timer = setTimeout(bark, afterMs);
  return {
    reset() {
      clearTimeout(timer);
      timer = setTimeout(bark, afterMs);
    },
    stop() {
      clearTimeout(timer);
    },
  };
}
