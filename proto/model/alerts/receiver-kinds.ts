/** How a receiver is told. */
export const RECEIVER_KINDS = ['email', 'webhook', 'slack', 'teams', 'pagerduty', 'alertmanager', 'ntfy'] as const;
export type ReceiverKind = (typeof RECEIVER_KINDS)[number];
/** Those that are told by HTTP. */
export type HttpKind = Exclude<ReceiverKind, 'email'>;

/** Where and by what a receiver is told over HTTP; both may be secrets. */
export interface Target {
  url?: string;
  key?: string;
}

/** What a kind needs of its target. */
type Need = 'needed' | 'optional' | 'made' | 'none';

/**
 * What each kind is called, and what it asks for, in words for people. `made`: made by the controller where it is left out, and shown once.
 */
export const KIND_TRAITS: Readonly<Record<HttpKind, { name: string; url: Need; urlWords: string; key: Need; keyWords: string }>> = {
  webhook: {
    name: 'Webhook',
    url: 'needed',
    urlWords: 'Address to call',
    key: 'made',
    keyWords: 'Signing secret (whsec_…), made if empty',
  },
  slack: { name: 'Slack', url: 'needed', urlWords: 'Address of the incoming webhook', key: 'none', keyWords: '' },
  teams: { name: 'Microsoft Teams', url: 'needed', urlWords: 'Address of the workflow', key: 'none', keyWords: '' },
  pagerduty: {
    name: 'PagerDuty',
    url: 'optional',
    urlWords: 'Address of the events API, if not events.pagerduty.com',
    key: 'needed',
    keyWords: 'Integration key (Events API v2)',
  },
  alertmanager: { name: 'Alertmanager', url: 'needed', urlWords: 'Address of Alertmanager', key: 'optional', keyWords: 'Bearer token' },
  ntfy: { name: 'ntfy', url: 'needed', urlWords: 'Address of the topic', key: 'optional', keyWords: 'Access token' },
};

/** True for a kind that is told over HTTP. */
export function isHttpKind(kind: string): kind is HttpKind {
  return Object.hasOwn(KIND_TRAITS, kind);
}
