import { compose, oneLine, type Message } from '../mail/messages.ts';

/** What a message tells of an alert. */
export interface Told {
  reason: 'raised' | 'reminder' | 'cleared';
  severity: string;
  title: string;
  likely: string | null;
  rule: string;
  gatewayName: string | null;
  siteName: string | null;
  tenantName: string | null;
  /** IANA zone of its site; null where it has none. */
  timeZone: string | null;
  raisedAt: Date;
  clearedAt: Date | null;
  fixWords: string | null;
  alertId: string;
}

/** What somebody needs at night, whichever way it goes: what, where, since when, why, and where to go. */
export interface Facts {
  /** With its severity, or that it is over. */
  subject: string;
  title: string;
  lines: string[];
  link: string;
}

export function factsOf(told: Told, publicUrl: string): Facts {
  const { reason, severity, title, likely, rule, fixWords, alertId } = told;
  const where = [told.gatewayName, told.siteName, told.tenantName].filter((part) => part !== null);
  const since = `Raised at ${timesOf(told.raisedAt, told.timeZone)}`;
  return {
    subject: `[${{ raised: severity, reminder: `still ${severity}`, cleared: 'cleared' }[reason]}] ${title}`,
    title: `${{ raised: '', reminder: 'Still so: ', cleared: 'Cleared: ' }[reason]}${title}`,
    lines: [
      where.length > 0 ? `Where: ${where.join(', ')}.` : 'Where: the installation.',
      told.clearedAt === null ? `${since}.` : `${since}, cleared at ${timesOf(told.clearedAt, told.timeZone)}.`,
      ...(likely === null ? [] : [likely]),
      `Rule: ${rule}, ${severity}.${reason !== 'cleared' && fixWords !== null ? ` What helps: ${fixWords}.` : ''}`,
    ].map(oneLine),
    link: `${publicUrl}/alerts/${alertId}`,
  };
}

/** The same as a mail. */
export function alertMessage(told: Told, publicUrl: string): Message {
  const { subject, title, lines, link } = factsOf(told, publicUrl);
  return compose(subject, [title, ...lines, { link }]);
}

/** What shows that an address can be reached. */
export function receiverTest(receiverName: string, publicUrl: string): Message {
  return compose(`Test of the receiver ${receiverName}`, [
    `This is a test of the receiver ${receiverName}. Alerts of ${publicUrl} reach it.`,
  ]);
}

/** In UTC, and in the zone of its site. */
function timesOf(at: Date, timeZone: string | null): string {
  const utc = `${at.toISOString().slice(0, 16).replace('T', ' ')} UTC`;
  if (timeZone === null || timeZone === 'UTC') return utc;
  const there = new Intl.DateTimeFormat('sv-SE', { timeZone, dateStyle: 'short', timeStyle: 'short' }).format(at);
  return `${utc} (${there} ${timeZone})`;
}
