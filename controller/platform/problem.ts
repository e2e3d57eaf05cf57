import { z } from 'zod';
import { ERROR_CODES, FleetError, type ErrorCode } from '../../proto/model/error-codes.ts';
import { problem, type Problem } from '../../proto/http/common.ts';
import { MAX_PROBLEMS } from '../../proto/model/yaml/limits.ts';

const extras = problem.pick({ span: true, suggestion: true, issues: true, problems: true }).partial();

/** Converts an error: a FleetError stays as it is; the HTTP layer's own errors map by their status; anything else is INTERNAL. */
export function toFleetError(error: unknown): FleetError {
  if (error instanceof FleetError) return error;
  if (error instanceof z.ZodError) return invalidRequest(error, '');
  const status = httpStatus(error);
  if (status === 404) return new FleetError('NOT_FOUND', 'Nothing exists at this address.', {}, { cause: error });
  if (status === 413) return new FleetError('INVALID_REQUEST', 'The body is larger than 1 MiB. Send less.', {}, { cause: error });
  if (status === 415)
    return new FleetError(
      'INVALID_REQUEST',
      'The body is not JSON. Send JSON with “content-type: application/json”.',
      {},
      { cause: error },
    );
  if (status !== undefined && status < 500)
    return new FleetError('INVALID_REQUEST', 'The request could not be read.', {}, { cause: error });
  if (isOfDatabase(error, DISK_FULL, DISK_FULL_WORDS)) {
    return new FleetError(
      'UNAVAILABLE',
      'The disk of the database is full. Nothing was changed; try again once there is space.',
      {},
      { cause: error },
    );
  }
  if (isOfDatabase(error, AWAY, AWAY_WORDS))
    return new FleetError('UNAVAILABLE', 'The database does not answer. Nothing was changed; try again.', {}, { cause: error });
  const code = codesOf(error).find((one) => REFUSED_BY_DATABASE.has(one));
  if (code !== undefined) return new FleetError(...REFUSED_BY_DATABASE.get(code)!, {}, { cause: error });
  return new FleetError('INTERNAL', 'Internal error. The controller’s log has the details under this trace ID.', {}, { cause: error });
}

/** RFC 9457 body of an error. */
export function toProblem(error: FleetError, instance: string, traceId: string): Problem {
  const fields = extras.safeParse(error.fields);
  return {
    type: `urn:ctfleet:error:${error.code}`,
    title: titleOf(error.code),
    status: ERROR_CODES[error.code].http,
    detail: within(error.message, MAX_DETAIL),
    code: error.code,
    // A query may contain what its author would not want in a ticket.
    instance: instance.split('?', 1)[0],
    traceId,
    ...(fields.success ? fields.data : {}),
    ...(fields.data?.issues && {
      issues: fields.data.issues.map(({ path, message }) => ({ path: within(path, MAX_ISSUE), message: within(message, MAX_ISSUE) })),
    }),
    ...(fields.data?.problems && {
      problems: fields.data.problems.slice(0, MAX_PROBLEMS).map(({ line, column, path, message, cure }) => ({
        line,
        column,
        path: within(path, MAX_ISSUE),
        message: within(message, MAX_ISSUE),
        cure: within(cure, MAX_ISSUE),
      })),
    }),
  };
}

/** Maximum number of issues in a response, instead of each of a hundred thousand. */
const MAX_ISSUES = 50;
/** Maximum length of a text that may quote input, in characters: a name in a body may fill all of it. */
const MAX_DETAIL = 2_000;
const MAX_ISSUE = 300;

function within(text: string, max: number): string {
  return text.length <= max ? text : `${text.slice(0, max - 1).toWellFormed()}…`;
}

/** Zod issues as INVALID_REQUEST; paths begin with the part of the request: `body.limit`. */
export function invalidRequest(error: z.ZodError, part: string): FleetError {
  const issues = error.issues
    .slice(0, MAX_ISSUES)
    .map((issue) => ({ path: [part, ...issue.path.map(String)].filter((step) => step !== '').join('.'), message: issue.message }));
  const first = issues[0];
  return new FleetError(
    'INVALID_REQUEST',
    first ? `${first.path || 'The request'}: ${first.message}.` : 'The request is invalid.',
    { issues },
    { cause: error },
  );
}

function titleOf(code: ErrorCode): string {
  const words = code.toLowerCase().replaceAll('_', ' ');
  return words.charAt(0).toUpperCase() + words.slice(1);
}

function httpStatus(error: unknown): number | undefined {
  if (typeof error !== 'object' || error === null) return undefined;
  if ('getStatus' in error && typeof error.getStatus === 'function') return Number(error.getStatus());
  return 'statusCode' in error && typeof error.statusCode === 'number' ? error.statusCode : undefined;
}

/** Values that Postgres refuses although the schema accepted them, by its code (class 22 and 23) or Prisma's. */
const REFUSED_BY_DATABASE = new Map<string, [ErrorCode, string]>([
  ...['P2003', '23503'].map((code): [string, [ErrorCode, string]] => [
    code,
    ['NOT_FOUND', 'The request names something that does not exist.'],
  ]),
  ...['P2000', 'P2020', 'P2023', 'P2033', '22001', '22003', '22007', '22008', '22021', '22P02', '22P05'].map(
    (code): [string, [ErrorCode, string]] => [
      code,
      ['INVALID_REQUEST', 'The request holds a value that cannot be stored: too large, too long, or not a valid time.'],
    ],
  ),
]);

/** The codes of an error and of its causes. */
function codesOf(error: unknown): string[] {
  const codes: string[] = [];
  for (
    let cause = error;
    typeof cause === 'object' && cause !== null && codes.length < 10;
    cause = 'cause' in cause ? cause.cause : undefined
  )
    codes.push('code' in cause ? String(cause.code) : '');
  return codes;
}

/**
 * Connection errors of Node and pg, Prisma's for them (P1001 cannot reach, P1008 and P2024 no answer in time, P1017 closed, P2028 no
 * transaction in time), and Postgres' own when it could not do its work: unavailable, timed out (57014, 55P03, 25P03), disk (53xxx, 58030)
 * or read-only (25006).
 */
const AWAY =
  /^(ECONNREFUSED|ECONNRESET|ETIMEDOUT|EPIPE|57P0[123]|57014|55P03|25P03|25006|53\d{3}|58030|08\d{3}|P1001|P1002|P1008|P1017|P2024|P2028)$/;
const AWAY_WORDS =
  /Connection terminated|Client has encountered a connection error|timeout exceeded when trying to connect|timeout expired|did not answer within/;

/** What Postgres reports on a full disk (53100), also if it only passes on the system's message. */
const DISK_FULL = /^53100$/;
const DISK_FULL_WORDS = /No space left on device/;

/** True if the error or one of its causes has such a code or such a message. */
function isOfDatabase(error: unknown, codes: RegExp, words: RegExp): boolean {
  if (typeof error !== 'object' || error === null) return false;
  const fields = error as {
    code?: unknown;
    originalCode?: unknown;
    message?: unknown;
    cause?: unknown;
    meta?: { driverAdapterError?: unknown };
  };
  if (codes.test(String(fields.code)) || codes.test(String(fields.originalCode)) || words.test(String(fields.message))) return true;
  return isOfDatabase(fields.cause, codes, words) || isOfDatabase(fields.meta?.driverAdapterError, codes, words);
}
