import { FleetError, type ErrorCode } from '../../proto/model/error-codes.ts';

/** What the sign-in library says, in our words, by its codes. */
const WORDS: Readonly<Record<string, readonly [ErrorCode, string]>> = {
  INVALID_EMAIL_OR_PASSWORD: ['UNAUTHENTICATED', 'This e-mail and password do not go together.'],
  INVALID_PASSWORD: ['INVALID_REQUEST', 'This is not your password.'],
  INVALID_EMAIL: ['INVALID_REQUEST', 'This is not an e-mail address.'],
};
const BY_STATUS: Readonly<Record<number, readonly [ErrorCode, string]>> = {
  400: ['INVALID_REQUEST', 'The request could not be read.'],
  401: ['UNAUTHENTICATED', 'Sign in first.'],
  403: ['FORBIDDEN', 'This is not allowed.'],
  404: ['NOT_FOUND', 'Nothing exists at this address.'],
  409: ['ALREADY_EXISTS', 'This exists already.'],
  429: ['RATE_LIMITED', 'Too many attempts. Try again later.'],
};
const MAX_WORDS = 300;

/**
 * The refusal in an answer of the sign-in library, as the rest of the API says it; undefined for a success. Its status is kept; of what has
 * none of ours, the nearest. What went wrong inside of it stays inside.
 */
export async function refusalIn(response: Response): Promise<FleetError | undefined> {
  if (response.ok) return undefined;
  const { status } = response;
  const said = (await response
    .clone()
    .json()
    .catch(() => ({}))) as { code?: unknown; message?: unknown } | null;
  if (status >= 500) return new FleetError('INTERNAL', 'Internal error. The controller’s log has the details under this trace ID.');
  const known = typeof said?.code === 'string' && Object.hasOwn(WORDS, said.code) ? WORDS[said.code] : undefined;
  const [code, words] = known ?? BY_STATUS[status] ?? BY_STATUS[400]!;
  const own = typeof said?.message === 'string' && said.message !== '' ? said.message.slice(0, MAX_WORDS) : undefined;
  return new FleetError(code, known ? words : own === undefined ? words : own.replace(/(?<![.!?])$/, '.'));
}
