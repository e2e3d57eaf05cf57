import { problem, type Problem } from '../../../proto/http/common.ts';
import { ERROR_CODES } from '../../../proto/model/error-codes.ts';

/** The controller said no, or could not be reached; `problem` is what it said. */
export class ControllerError extends Error {
  readonly problem: Problem;

  constructor(said: Problem) {
    super(said.detail);
    this.name = 'ControllerError';
    this.problem = said;
  }

  get code() { return this.problem.code; }
  /** True if the same request may work later. */
  get canRetry() { return ERROR_CODES[this.problem.code].retry; }
}

/** The problem that an answer carries. An answer that is none of ours (a proxy in between) becomes UNAVAILABLE or INTERNAL with its status. */
export async function readProblem(response: Response): Promise<ControllerError> {
  const text = await response.text();
  const parsed = problem.safeParse(parseJson(text));
  if (parsed.success) return new ControllerError(parsed.data);
  const code = response.status === 401 ? 'UNAUTHENTICATED' : response.status === 429 ? 'RATE_LIMITED' : response.status >= 502 ? 'UNAVAILABLE' : 'INTERNAL';
  return new ControllerError({ type: 'about:blank', title: code, status: response.status, code, detail: `The controller answered ${response.status} without a reason.` });
}

/** What a failed fetch means: nothing answered at all. */
export function unreachable(cause: unknown): ControllerError {
  const error = new ControllerError({ type: 'about:blank', title: 'UNAVAILABLE', status: 503, code: 'UNAVAILABLE', detail: 'The console’s own server does not answer. Check the network, then try again.' });
  error.cause = cause;
  return error;
}

function parseJson(text: string): unknown {
  try { return JSON.parse(text); } catch { return undefined; }
}
