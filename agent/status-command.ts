import { X509Certificate } from 'node:crypto';
import { EXIT, type Answer } from './command-line.ts';
import { guardLines } from './guard-command.ts';
import type { LastCommand } from './last-commands.ts';
import type { Identity } from './link/identity.ts';
import type { GuardRules } from './operations/local-guard.ts';
import { MAX_STATE_AGE_MS, type ToldState } from './told-state.ts';
import { AGENT_VERSION } from './version.ts';

const MAX_COMMANDS = 5;

/** What is known of this gateway from its own disk and kernel. */
export interface GatewayFacts {
  nowMs: number;
  identity?: Pick<Identity, 'gatewayId' | 'gatewayName' | 'linkAddress' | 'certificate'>;
  /** What a running agent last said. */
  told?: ToldState;
  /** Its process is there. */
  isRunning: boolean;
  guard: GuardRules;
  can: string[];
  cannot: Record<string, string>;
  /** Oldest first. */
  commands: readonly LastCommand[];
}

/** What `status` says. Code `notEnrolled`, or `found` where the agent does not run, has no link, or may end nothing by mistake. */
export function statusAnswer(facts: GatewayFacts): Answer {
  const { identity, told, guard, can, cannot, nowMs } = facts;
  const isRunning = facts.isRunning && told !== undefined && nowMs - told.writtenAtMs <= MAX_STATE_AGE_MS;
  const certificate = identity && certificateOf(identity.certificate, nowMs);
  const commands = facts.commands.slice(-MAX_COMMANDS);
  const json = {
    version: AGENT_VERSION,
    gateway: identity && { id: identity.gatewayId, name: identity.gatewayName, controller: identity.linkAddress },
    certificate,
    isRunning,
    link: told?.link,
    sample: told?.sample,
    guard: { error: guard.error, isReadOnly: guard.isReadOnly, protects: guard.protect },
    can,
    cannot,
    commands,
  };
  const lines = [
    ...(identity
      ? [`Gateway      ${identity.gatewayName} (${identity.gatewayId})`, `Controller   ${identity.linkAddress}`]
      : ['Gateway      not enrolled. Make a join token in the console, then: ctfleet-agent enrol TOKEN.']),
    `Agent        ${AGENT_VERSION}, ${isRunning ? `running as process ${told!.pid}` : 'not running: systemctl start ctfleet-agent'}`,
    `Link         ${linkWords(told?.link, isRunning, nowMs)}`,
    ...(certificate ? [`Certificate  ${certificate.words}`] : []),
    `Last sample  ${sampleWords(told?.sample, nowMs)}`,
    ...labelled('Guard', guard.error === undefined ? guardLines(guard) : [guard.error]),
    `Can          ${can.length === 0 ? 'nothing' : can.join(', ')}`,
    ...labelled(
      'Cannot',
      Object.entries(cannot).map(([word, why]) => `${word}: ${why}`),
    ),
    ...labelled(
      'Commands',
      commands.map(({ id, state, isPolicy, startedAtMs }) =>
        [state, isPolicy ? 'policy' : 'flush', id, startedAtMs === undefined ? '' : `began ${time(startedAtMs)}`]
          .filter(Boolean)
          .join('  '),
      ),
    ),
  ];
  const isWell = isRunning && told?.link?.isOnline === true && guard.error === undefined && certificate?.isValid === true;
  return { lines, json, code: identity ? (isWell ? EXIT.done : EXIT.found) : EXIT.notEnrolled };
}

function certificateOf(pem: string, nowMs: number): { fromMs: number; toMs: number; isValid: boolean; words: string } {
  const { validFromDate, validToDate } = new X509Certificate(pem);
  const [fromMs, toMs] = [validFromDate.getTime(), validToDate.getTime()];
  const words =
    nowMs < fromMs
      ? `not valid before ${time(fromMs)}: the clock of this machine (${time(nowMs)}) is behind`
      : nowMs > toMs
        ? `ended ${time(toMs)}; it can still be renewed where the controller allows it, else enrol again`
        : `valid until ${time(toMs)}; renewed at half its life`;
  return { fromMs, toMs, isValid: nowMs >= fromMs && nowMs <= toMs, words };
}

function linkWords(link: ToldState['link'], isRunning: boolean, nowMs: number): string {
  if (!link) return 'never tried by an agent that runs now';
  if (!isRunning) return `down; when the agent ran: ${link.isOnline ? 'up' : link.reason}`;
  const since = `for ${seconds(nowMs - link.sinceMs)}`;
  return link.isOnline ? `up ${since}` : `down ${since}: ${link.reason}`;
}

function sampleWords(sample: ToldState['sample'], nowMs: number): string {
  if (!sample) return 'none';
  return `${sample.count} flows of ${sample.max ?? 'an unknown maximum'}, ${seconds(nowMs - sample.atMs)} ago (written once a minute)`;
}

function labelled(label: string, lines: readonly string[]): string[] {
  return lines.map((line, index) => `${(index === 0 ? label : '').padEnd(12)} ${line}`);
}

function time(ms: number): string {
  return new Date(ms)
    .toISOString()
    .replace('T', ' ')
    .replace(/\.\d+Z$/, 'Z');
}

function seconds(ms: number): string {
  return `${Math.max(0, Math.round(ms / 1000))} s`;
}
