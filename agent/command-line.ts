import { FleetError } from '../proto/model/error-codes.ts';

/** What a command ends with: docs/gateway-commands.md has them for scripts. */
export const EXIT = { done: 0, failed: 1, usage: 2, notEnrolled: 3, found: 4 } as const;

/** What a command says. `json` is for programs, the lines are for people; `code` is one of EXIT. */
export interface Answer {
  lines: string[];
  json: unknown;
  code: number;
}

/** Arguments that are not right. */
export class UsageError extends FleetError {
  constructor(why: string) {
    super('INVALID_REQUEST', `${why}. Help: ctfleet-agent --help.`);
  }
}

/** Prints an answer as it was asked for. 64-bit numbers are decimal strings in JSON, as everywhere. */
export function printed({ lines, json }: Answer, isJson: boolean): string {
  if (!isJson) return lines.map(visible).join('\n');
  return JSON.stringify(json, (_, value: unknown) => (typeof value === 'bigint' ? String(value) : value), 2);
}

/** Names come from the controller and from files: none of them may move a terminal's cursor. */
function visible(line: string): string {
  return line.replace(/\p{Cc}/gu, '�');
}

/** Takes an option that stands alone out of the words. */
export function takeFlag(words: string[], name: string): boolean {
  const at = words.indexOf(name);
  if (at >= 0) words.splice(at, 1);
  return at >= 0;
}

/** Takes an option and its value, `--name value` or `--name=value`, out of the words. Throws UsageError where the value is missing. */
export function takeValue(words: string[], name: string): string | undefined {
  const at = words.findIndex((word) => word === name || word.startsWith(`${name}=`));
  if (at < 0) return undefined;
  const [word, next] = [words[at]!, words[at + 1]];
  const value = word === name ? next : word.slice(name.length + 1);
  if (value === undefined || value === '') throw new UsageError(`“${name}” needs a value`);
  words.splice(at, word === name ? 2 : 1);
  return value;
}

/** Throws UsageError where words are left. */
export function noMore([word]: readonly string[]): void {
  if (word !== undefined) throw new UsageError(`“${word}” is not understood here`);
}

export const HELP = `ctfleet-agent: the agent of one gateway

  ctfleet-agent enrol [--controller HOST:PORT] [--site NAME] TOKEN|-
                                  makes this machine a gateway of a controller; - reads the token from standard input
  ctfleet-agent status            who this gateway is, its link, table and guard, what it can and cannot do and why
  ctfleet-agent doctor            looks for what is in the way, and names the cure of each
  ctfleet-agent flows [OPTIONS]   flows of this machine; takes conntrack's own options (-p -s -d -q --dport -u -m -w …),
                                  --filter TEXT and --limit N
  ctfleet-agent guard check [FILE]
                                  checks a guard file before it is in force
  ctfleet-agent policy …          sets this gateway's tracking policy by hand
  ctfleet-agent accept-journal    accepts what is left of a damaged journal
  ctfleet-agent leave --yes       forgets the controller
  ctfleet-agent run               the service itself
  ctfleet-agent version

  --json    for programs: with enrol, status, doctor, flows, guard check, leave and version

Exit codes: 0 done; 1 failed or refused; 2 arguments not understood; 3 not enrolled; 4 something was found that needs attention.
Settings: /etc/ctfleet/agent.env and the environment. More: man ctfleet-agent.`;
