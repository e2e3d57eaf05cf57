/** What an alert can be about. Each kind is judged in its own way; `alerts/judging/` of the controller has one file a kind. */
export const ALERT_KINDS = [
  /** Share of the table's limit, in percent. */
  'usage',
  /** Minutes until the table is full, by its trend. */
  'time-to-full',
  /** Packets lost, flows ended early or refused: any increase, with the right cause. */
  'losses',
  /** Any measure of the catalogue. */
  'measure',
  /** A WAN event with live flows on the WAN that failed. */
  'wan-event',
  'wan-flapping',
  'silent',
  'remediation-failed',
  'remediation-held-back',
  'certificate',
  'guard',
  'audit-chain',
  'drift',
] as const;
export type AlertKind = (typeof ALERT_KINDS)[number];

export const SEVERITIES = ['info', 'warning', 'critical'] as const;
export type Severity = (typeof SEVERITIES)[number];

export const ALERT_STATES = ['pending', 'raised', 'acknowledged', 'silenced', 'cleared'] as const;
export type AlertState = (typeof ALERT_STATES)[number];

/** Why, where it can be told apart. */
export const ALERT_CAUSES = [
  'table-full',
  'early-drop',
  'port-clash',
  'port-exhaustion',
  'few-buckets',
  'many-flows-of-one-source',
  'unknown',
] as const;
export type AlertCause = (typeof ALERT_CAUSES)[number];

/** What happened to an alert: each is one row, written with the alert itself, and told to receivers at least once. */
export const TRANSITIONS = ['raised', 'grew', 'acknowledged', 'assigned', 'noted', 'silenced', 'unsilenced', 'cleared'] as const;
export type Transition = (typeof TRANSITIONS)[number];
