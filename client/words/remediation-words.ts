import { runsOnGateway, type RemediationDocument, type RemediationTrigger } from '../../proto/http/remediation-document.ts';
import type { Remediation, RemediationRun } from '../../proto/http/remediations.ts';
import { count, counted, lasting } from './format.ts';
import type { StateKind } from './state-kind.ts';

type Mode = RemediationDocument['mode'];

/** What each mode does, in one sentence. */
export const MODES: Record<Mode, { word: string; means: string; kind: StateKind }> = {
  observe: { word: 'Observe', means: 'Counts what it would end, and touches nothing.', kind: 'never' },
  suggest: { word: 'Suggest', means: 'Counts, and leaves it to an operator to end them.', kind: 'waiting' },
  auto: { word: 'Auto', means: 'Ends them at once, within its limits.', kind: 'ok' },
};

/** The mode as it acts now, and why it is not the one that was saved. */
export function actingMode({ document: { mode }, approval, heldBack }: Pick<Remediation, 'document' | 'approval' | 'heldBack'>): {
  word: string;
  means: string;
  kind: StateKind;
} {
  if (mode !== 'auto') return MODES[mode];
  if (heldBack) return { word: 'Held back', means: `Only suggests: ${heldBack.why}.`, kind: 'failed' };
  if (approval?.state === 'needed')
    return { word: 'Needs a second person', means: `Only suggests: ${approval.why ?? 'nobody else has agreed'}.`, kind: 'warn' };
  return MODES.auto;
}

/** A run's state: what touched nothing is neutral, what is in doubt is never green. */
export const RUN_STATES: Record<RemediationRun['state'], StateKind> = {
  observed: 'never',
  suggested: 'waiting',
  refused: 'warn',
  running: 'running',
  done: 'ok',
  failed: 'failed',
  indeterminate: 'partial',
};

/** The state of a run that is known only as text. */
export function runKind(state: string): StateKind {
  return Object.entries(RUN_STATES).find(([word]) => word === state)?.[1] ?? 'never';
}

/** The trigger in words: "any WAN goes down", "02:30 daily, each site’s time". */
export function triggerWords(trigger: RemediationTrigger): string {
  switch (trigger.kind) {
    case 'wan-down':
      return `${wanWords(trigger.wan)} goes down`;
    case 'wan-up':
      return `${wanWords(trigger.wan)} comes back`;
    case 'address-change':
      return `${wanWords(trigger.wan)} changes its address`;
    case 'table-usage':
      return `table above ${trigger.abovePercent} %`;
    case 'schedule':
      return `${cronWords(trigger.cron)}, ${trigger.timeZone === 'site' ? 'each site’s time' : trigger.timeZone}`;
    case 'webhook':
      return 'a signed webhook';
    case 'manual':
      return 'by hand';
  }
}

const DAYS = ['Sun', 'Mon', 'Tue', 'Wed', 'Thu', 'Fri', 'Sat', 'Sun'];

/** A cron text in words where it is a time of the day; any other as it stands. */
export function cronWords(cron: string): string {
  const [, minute, hour, days] = /^(\d{1,2}) (\d{1,2}) \* \* (\*|[0-7])$/.exec(cron.trim()) ?? [];
  if (minute === undefined || hour === undefined) return `cron ${cron}`;
  return `${hour.padStart(2, '0')}:${minute.padStart(2, '0')} ${days === '*' ? 'daily' : `on ${DAYS[Number(days)]!}`}`;
}

/** Where it holds: the names it is narrowed to, or the whole of its tenant or fleet. */
export function scopeWords(
  { document: { scope }, tenantName }: Pick<Remediation, 'document' | 'tenantName'>,
  nameOf: (id: string) => string,
): string {
  const owner = tenantName ?? 'all tenants';
  const parts = [
    ...(scope.tenants ?? []).map(nameOf),
    ...(scope.tags ?? []).map((tag) => `tag ${tag}`),
    ...(scope.sites ?? []).map(nameOf),
    ...(scope.gateways ?? []).map(nameOf),
  ];
  if (parts.length === 0) return owner;
  return `${owner}: ${parts.slice(0, 3).join(', ')}${parts.length > 3 ? ` and ${parts.length - 3} more` : ''}`;
}

/** Why it cannot be run now; undefined if it can. What a gateway watches for starts there and nowhere else. */
export function runNowRefusal({ document, isEnabled }: Pick<Remediation, 'document' | 'isEnabled'>): string | undefined {
  if (runsOnGateway(document)) return 'It starts on the gateway, when its trigger comes.';
  return isEnabled ? undefined : 'It is off.';
}

/** What came of a run, with its numbers. */
export function runSentence({ state, matched, ended, reason }: Pick<RemediationRun, 'state' | 'matched' | 'ended' | 'reason'>): string {
  switch (state) {
    case 'observed':
      return `Would have ended ${counted(matched, 'flow')}; touched none`;
    case 'suggested':
      return `Suggests to end ${counted(matched, 'flow')}; touched none`;
    case 'refused':
      return `Did nothing${reason ? `: ${reason}` : ''}`;
    case 'running':
      return `Is ending ${counted(matched, 'flow')}`;
    case 'done':
      return matched === 0 ? 'Found nothing to end' : `Ended ${count(ended)} of ${counted(matched, 'flow')}`;
    case 'failed':
      return `Failed after ${count(ended)} of ${counted(matched, 'flow')}${reason ? `: ${reason}` : ''}`;
    case 'indeterminate':
      return `Was interrupted: how many of ${counted(matched, 'flow')} it ended is not known`;
  }
}

/** How much later than its end a run was reported; undefined below ten seconds. */
export function lateWords({
  finishedAt,
  triggeredAt,
  reportedAt,
}: Pick<RemediationRun, 'finishedAt' | 'triggeredAt' | 'reportedAt'>): string | undefined {
  const seconds = (Date.parse(reportedAt) - Date.parse(finishedAt ?? triggeredAt)) / 1000;
  return seconds < 10 ? undefined : `reported ${lasting(seconds)} later, when the gateway reached the controller again`;
}

/** The page's answer: how many act, and what the last run did. */
export function remediationsSentence(remediations: Remediation[], last: RemediationRun | undefined): string {
  const acting = remediations.filter((one) => one.isEnabled && actingMode(one) === MODES.auto).length;
  const head =
    acting === 0
      ? 'None acts by itself'
      : `${acting} of ${counted(remediations.length, 'remediation')} ${acting === 1 ? 'acts' : 'act'} by ${acting === 1 ? 'itself' : 'themselves'}`;
  return last ? `${head}; last: ${last.remediationName}${last.gatewayName ? ` on ${last.gatewayName}` : ''}` : head;
}

function wanWords(wan: string): string {
  return wan === '*' ? 'any WAN' : wan.includes('*') ? `a WAN like ${wan}` : wan;
}
