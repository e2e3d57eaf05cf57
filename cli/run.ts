import { ControllerError } from '../client/problem.ts';
import { toPrintable } from '../proto/model/text.ts';
import type { ErrorCode } from '../proto/model/error-codes.ts';
import { clientOf } from './client-of.ts';
import { has, valueOf } from './command.ts';
import { COMMANDS } from './commands.ts';
import { chosenContext } from './context.ts';
import { readContexts } from './context-file.ts';
import { Ended, EXIT, UsageError } from './exit-codes.ts';
import type { Io } from './io.ts';
import { parseCommand } from './parse-command.ts';
import { helpOf } from './shell/help.ts';

/** Runs one command line; returns the exit code. Every error ends as one sentence on standard error. */
export async function run(argv: readonly string[], io: Io): Promise<number> {
  try {
    const typed = parseCommand(argv[0] === '--version' ? ['version'] : argv, COMMANDS);
    if (typed.kind === 'help') {
      io.write(helpOf(typed.words, COMMANDS));
      return EXIT.done;
    }
    const { command, given, args } = typed;
    const client = () => {
      const choice = { env: io.env, named: valueOf(given, 'context'), isPlainAllowed: has(given, 'plain-http') };
      return clientOf(chosenContext(choice, () => readContexts(io.env)));
    };
    return await command.run({ io, given, args, client });
  } catch (error) {
    io.say(toPrintable(`ctfleet: ${sentenceOf(error)}`, { hasLines: true }));
    return codeOf(error);
  }
}

function sentenceOf(error: unknown): string {
  if (!(error instanceof ControllerError)) return (error as Error).message;
  const { problem, code, cause } = error;
  if (code === 'UNAVAILABLE' && cause !== undefined) {
    const { cause: reason, message } = cause as Error & { cause?: Error };
    return `the controller cannot be reached: ${reason?.message || (reason as NodeJS.ErrnoException | undefined)?.code || message}`;
  }
  const parts = [
    problem.detail,
    problem.suggestion === undefined ? undefined : `Try: ${problem.suggestion}`,
    ...(problem.issues ?? []).map(({ path, message }) => `${path} ${message}`),
    ...(problem.problems ?? []).map(({ line, column, message, cure }) => `line ${line}, column ${column}: ${message}; ${cure}`),
    code === 'UNAUTHENTICATED' ? 'Sign in again: ctfleet login URL' : undefined,
  ];
  return parts.filter((part) => part !== undefined).join('\n');
}

const USAGE: ReadonlySet<ErrorCode> = new Set([
  'INVALID_REQUEST',
  'FILTER_UNPARSABLE',
  'FILTER_EMPTY',
  'FILTER_NOT_OF_PACKETS',
  'FILTER_UNSUPPORTED',
  'POLICY_INVALID',
]);
const REFUSED: ReadonlySet<ErrorCode> = new Set([
  'FORBIDDEN',
  'STEP_UP_REQUIRED',
  'MFA_REQUIRED',
  'APPROVAL_NEEDED',
  'GUARD_REFUSED',
  'PLAN_TOO_LARGE',
  'CONDITION_UNMET',
  'POLICY_MANAGED',
]);
const NOTHING: ReadonlySet<ErrorCode> = new Set(['PLAN_EMPTY', 'SCOPE_EMPTY', 'NOT_FOUND']);
const DRIFTED: ReadonlySet<ErrorCode> = new Set(['PLAN_DRIFTED', 'PLAN_DIGEST_MISMATCH']);

function codeOf(error: unknown): number {
  if (error instanceof UsageError) return EXIT.usage;
  if (error instanceof Ended) return error.code;
  if (!(error instanceof ControllerError)) return EXIT.failed;
  if (USAGE.has(error.code)) return EXIT.usage;
  if (REFUSED.has(error.code)) return EXIT.refused;
  if (NOTHING.has(error.code)) return EXIT.nothingMatched;
  return DRIFTED.has(error.code) ? EXIT.drifted : EXIT.failed;
}
