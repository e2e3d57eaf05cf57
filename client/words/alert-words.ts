import type { Alert, AlertTransition } from '../../proto/http/alerts.ts';
import type { Severity } from '../../proto/model/alerts/kinds.ts';
import type { StateKind } from './state-kind.ts';

/** Severities, worst first. */
export const SEVERITIES_SHOWN: readonly Severity[] = ['critical', 'warning', 'info'];

export const SEVERITY_KINDS: Readonly<Record<Severity, StateKind>> = { critical: 'critical', warning: 'warn', info: 'waiting' };

export const ALERT_STATE_WORDS: Readonly<Record<Alert['state'], { kind: StateKind; word: string }>> = {
  pending: { kind: 'waiting', word: 'pending' },
  raised: { kind: 'critical', word: 'raised' },
  acknowledged: { kind: 'running', word: 'acknowledged' },
  silenced: { kind: 'never', word: 'silenced' },
  cleared: { kind: 'ok', word: 'cleared' },
};

/** True while it is not over. */
export function isOpenAlert({ state }: Pick<Alert, 'state'>): boolean {
  return state !== 'cleared';
}

/** 2 critical, 1 warning; undefined if nothing is open. */
export function openWords(open: Readonly<Record<Severity, number>>): string | undefined {
  const parts = SEVERITIES_SHOWN.flatMap((severity) => (open[severity] > 0 ? [`${open[severity]} ${severity}`] : []));
  return parts.length > 0 ? parts.join(', ') : undefined;
}

/** Alerts of one place together, those with the worst first; the order within a place stays. */
export function byPlace(alerts: readonly Alert[]): { key: string; place: string; alerts: Alert[] }[] {
  const groups = Map.groupBy(alerts, (alert) => alert.siteId ?? '');
  const worst = (group: readonly Alert[]): number =>
    Math.min(...group.map((alert) => (isOpenAlert(alert) ? 0 : 10) + SEVERITIES_SHOWN.indexOf(alert.severity)));
  return [...groups]
    .map(([key, group]) => ({ key, place: placeOf(group[0]!), alerts: group }))
    .toSorted((a, b) => worst(a.alerts) - worst(b.alerts) || a.place.localeCompare(b.place));
}

function placeOf({ siteName, tenantName }: Alert): string {
  return siteName === undefined ? 'The installation' : [siteName, tenantName].filter(Boolean).join(', ');
}

const DID: Readonly<Record<AlertTransition['transition'], string>> = {
  raised: 'was raised',
  grew: 'grew',
  acknowledged: 'acknowledged it',
  assigned: 'assigned it',
  noted: 'noted',
  silenced: 'silenced it',
  unsilenced: 'ended its silence',
  cleared: 'was cleared',
};

/** What happened to it, as a sentence without its time. */
export function transitionWords({ transition, byName, note }: AlertTransition): string {
  const text = byName === undefined ? `It ${DID[transition].replace(/ it$/, '')}` : `${byName} ${DID[transition]}`;
  return note === undefined || note === '' ? text : `${text}: ${note}`;
}
