import type { PolicyChange } from '../proto/model/policy/difference.ts';
import type { Flow } from '../proto/model/flow.ts';
import type { EffectKind } from '../proto/model/policy/effects.ts';
import { protocolName } from '../proto/model/protocol.ts';
import { formatDuration } from '../proto/model/duration.ts';
import { toPrintable } from '../proto/model/text.ts';
import { warningsOf } from '../proto/model/policy/warnings/warnings.ts';
import type { PolicyProblem } from '../proto/model/policy/problem.ts';
import type { ChangeOutcome, ChangeRecord, PendingChange } from './policies/applying/change-record.ts';
import type { GatewayPlan } from './policies/applying/policy-changes.ts';
import type { DriftBook, KnownDrift } from './policies/standing/drift-book.ts';
import type { PlannedEffects } from './policies/effects/plan-effects.ts';
import { unmetSentences, type EndedUnmet } from './policies/applying/end-unmet.ts';
import type { Belonging } from './policies/applying/where-it-belongs.ts';

/** What a policy would do on this gateway, in lines for people. */
export function planLines(plan: GatewayPlan, entries: number | undefined): string[] {
  const { difference, effective, actual } = plan;
  const changed = difference.changes.filter(({ verdict }) => verdict.kind === 'set').map(changeLine);
  if (difference.isReordered) changed.push('  the rules come in another order');
  // Addresses of the gateway or the controller are others than before.
  if (changed.length === 0 && plan.changes.table) changed.push('  what no rule touches: the agent’s channel and SSH');
  const refused = difference.changes.flatMap(({ path, verdict }) => (verdict.kind === 'refused' ? [`  ${path}: ${verdict.reason}`] : []));
  const warnings = warningsOf(effective, actual, { count: entries }).map(
    ({ severity, path, message, reason }) => `  ${severity}, ${path}: ${message} ${reason}`,
  );
  return [
    ...(changed.length > 0 ? ['Changes:', ...changed] : ['Nothing changes.']),
    ...titled('Refused, and left as it is:', refused),
    ...titled(
      'Removed from our table, since it is not of ctfleet:',
      difference.strange.map((one) => `  ${one}`),
    ),
    ...titled('Warnings:', warnings),
  ];
}

/** What a policy would do to the flows that are there now. */
export function effectLines({ effects, stopped, stoppedLeft = 0, unknown }: PlannedEffects): string[] {
  const lines = effects.map(({ kind, path, flows, why }) => `  ${flows} ${EFFECT_WORDS[kind]} (${path}). ${why}`);
  return [
    ...titled('Flows that are there now:', lines),
    ...titled('Those that are stopped:', [
      ...stopped.map((flow) => `  ${flowLine(flow)}`),
      ...(stoppedLeft > 0 ? [`  and ${stoppedLeft} more`] : []),
    ]),
    ...(unknown === undefined ? [] : [unknown]),
  ];
}

const EFFECT_WORDS: Readonly<Record<EffectKind, string>> = {
  stopped: 'are stopped',
  'over-limit': 'are above the limit',
  'loses-tracking': 'lose their tracking',
  'loses-helper': 'are helped no more',
  'timeout-shortens': 'have a shorter timeout',
};

/** As `tcp 10.1.0.2:40001 > 198.51.100.10:443 ESTABLISHED`. */
function flowLine({ proto, orig, state }: Flow): string {
  const end = (address: string, port: number | undefined): string =>
    port === undefined ? address : `${address.includes(':') ? `[${address}]` : address}:${port}`;
  return [protocolName(proto), end(orig.src, orig.sport), '>', end(orig.dst, orig.dport), state]
    .filter((word) => word !== undefined)
    .join(' ');
}

/** What is set now, until when it must be confirmed, and how. */
export function appliedLines({ policy, deadlineAt, beganAt }: ChangeRecord, program: string): string[] {
  const seconds = Math.round((deadlineAt - beganAt) / 1000);
  return [
    `Policy ${policy} is in force, for ${formatDuration(seconds)}: until ${clockTime(deadlineAt)}.`,
    `See whether everything works, from a new connection, and keep it with:  ${program} policy confirm`,
    `Otherwise the gateway is put back as it was. To do that at once:  ${program} policy restore`,
  ];
}

/** What became of the flows that did not meet a stricter mode. */
export function unmetLines(unmet: EndedUnmet | undefined): string[] {
  return unmet ? unmetSentences(unmet) : [];
}

export interface Standing {
  pending: PendingChange | undefined;
  confirmed: ChangeRecord | undefined;
  outcome: ChangeOutcome | undefined;
  book: DriftBook | undefined;
}

export function standingLines({ pending, confirmed, outcome, book }: Standing): string[] {
  return [
    ...(pending
      ? [
          pending.phase === 'changing'
            ? `Policy ${pending.record.policy} is being set.`
            : `Policy ${pending.record.policy} is not confirmed; it is put back at ${clockTime(pending.record.deadlineAt)}.`,
        ]
      : []),
    ...(outcome ? [`The last change, policy ${outcome.policy}: ${outcome.outcome} at ${clockTime(outcome.at)}. ${outcome.why}`] : []),
    ...unmetLines(outcome?.unmet),
    ...(confirmed
      ? [
          ...(book?.changeId === confirmed.id ? driftLines(book) : []),
          `This gateway is held to policy ${confirmed.policy}:`,
          '',
          confirmed.document.trimEnd(),
        ]
      : ['No policy is kept here.']),
  ];
}

/** What somebody has changed by hand. */
function driftLines({ open, past }: DriftBook): string[] {
  const line = ({ path, wanted = 'not there', actual = 'not there', since, process }: KnownDrift): string =>
    toPrintable(`  ${path}: ${wanted} → ${actual}, since ${clockTime(since)}${process === undefined ? '' : ` by ${process}`}`);
  return [
    ...titled('Changed by hand, and left as it is:', open.filter(({ isIgnored }) => !isIgnored).map(line)),
    ...titled('Changed by hand, and ignored until it changes again:', open.filter(({ isIgnored }) => isIgnored).map(line)),
    ...titled('Changed by hand within the last day, and as the policy has it again:', past.map(line)),
  ];
}

/** Where a system keeps what a policy sets: files with their modes, then what is to be entered. */
export function belongingLines(policy: string, system: string, { files, commands, without }: Belonging): string[] {
  return [
    `What policy ${policy} sets, where ${system} keeps such settings. Written from its documentation, and not run there.`,
    ...files.flatMap(({ path, mode, content }) => ['', `${path}, mode ${mode.toString(8).padStart(4, '0')}:`, content.trimEnd()]),
    ...(commands.length > 0 ? ['', 'Then:', ...commands.map((command) => `  ${command}`)] : []),
    ...(without.length > 0 ? ['', ...without] : []),
  ];
}

export function problemLine(file: string, { line, column, path, message, cure }: PolicyProblem): string {
  return `${file}:${line}:${column}: ${path ? `${path}: ` : ''}${message}; ${cure}`;
}

function changeLine(change: PolicyChange): string {
  switch (change.on) {
    case 'setting':
      return `  ${change.setting}: ${change.from} → ${change.to} (${change.path})`;
    case 'helper':
      return `  helper ${change.helper}: ${change.to ? 'assigned' : 'no more assigned'} to its usual ports`;
    case 'rule':
      return `  rule ${change.rule}: ${change.from ? (change.to ? 'changed' : 'removed') : 'new'}`;
  }
}

function titled(title: string, lines: readonly string[]): string[] {
  return lines.length > 0 ? [title, ...lines] : [];
}

/** `2026-11-30 14:03:22`, by the gateway's own clock and zone. */
function clockTime(ms: number): string {
  return new Date(ms - new Date(ms).getTimezoneOffset() * 60_000).toISOString().slice(0, 19).replace('T', ' ');
}
