import { problem, type Problem } from '../proto/http/common.ts';
import { ERROR_CODES, type ErrorCode } from '../proto/model/error-codes.ts';

/** Sentences that the console shows instead of those meant for authors of scripts. */
const PLAIN_WORDS: Partial<Record<ErrorCode, string>> = {
  IDEMPOTENCY_PENDING:
    'The same was sent before, and what became of it is not known yet. Wait a moment and press again; it is not done twice.',
  IDEMPOTENCY_KEY_REUSED: 'The controller took this for another request of before, and did nothing. Press again.',
};

/** The controller returned a problem, or could not be reached; `problem` describes it. */
export class ControllerError extends Error {
  readonly problem: Problem;

  constructor(said: Problem) {
    super(said.detail);
    this.name = 'ControllerError';
    this.problem = said;
  }

  get code() {
    return this.problem.code;
  }
  /** True if the same request may work later. */
  get canRetry() {
    return ERROR_CODES[this.problem.code].retry;
  }
}

/**
 * The problem in a response. A response that is not a problem (from a proxy in between) becomes UNAVAILABLE or INTERNAL with its status.
 */
export async function readProblem(response: Response): Promise<ControllerError> {
  const text = await response.text();
  const parsed = problem.safeParse(parseJson(text));
  if (parsed.success) return new ControllerError({ ...parsed.data, detail: inPlainWords(parsed.data, retryAfterSeconds(response)) });
  const code =
    response.status === 401
      ? 'UNAUTHENTICATED'
      : response.status === 429
        ? 'RATE_LIMITED'
        : response.status >= 502
          ? 'UNAVAILABLE'
          : 'INTERNAL';
  return new ControllerError({
    type: 'about:blank',
    title: code,
    status: response.status,
    code,
    detail: withWait(`The controller answered ${response.status} without a reason.`, retryAfterSeconds(response)),
  });
}

/** The Retry-After of a response, in seconds; undefined if it has none. */
export function retryAfterSeconds({ headers }: Response): number | undefined {
  const seconds = Number(headers.get('x-retry-after') ?? headers.get('retry-after'));
  return Number.isFinite(seconds) && seconds > 0 ? seconds : undefined;
}

/** A wait in words, rounded up, so that a retry after it is not too early. */
export function waitWords(seconds: number): string {
  return seconds < 90 ? `${Math.ceil(seconds)} s` : `${Math.ceil(seconds / 60)} min`;
}

function inPlainWords({ code, detail }: Problem, seconds: number | undefined): string {
  const words = PLAIN_WORDS[code] ?? detail;
  return code === 'RATE_LIMITED' && !/\bwait \d/i.test(words) ? withWait(words, seconds) : words;
}

function withWait(words: string, seconds: number | undefined): string {
  return seconds === undefined ? words : `${words} Try again in ${waitWords(seconds)}.`;
}

/** There was no response in time. */
export function silent(seconds: number): ControllerError {
  return new ControllerError({
    type: 'about:blank',
    title: 'UNAVAILABLE',
    status: 504,
    code: 'UNAVAILABLE',
    detail: `The controller does not answer: nothing came within ${seconds} s. Gateways go on with what they were told; look at the controller’s log.`,
  });
}

/** A failed fetch: there was no response at all. */
export function unreachable(cause: unknown): ControllerError {
  const error = new ControllerError({
    type: 'about:blank',
    title: 'UNAVAILABLE',
    status: 503,
    code: 'UNAVAILABLE',
    detail: 'The console’s own server does not answer. Check the network, then try again.',
  });
  error.cause = cause;
  return error;
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
