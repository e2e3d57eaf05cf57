import { createHmac } from 'node:crypto';
import { secretBytes } from './targets.ts';
import type { HttpKind, Target } from '../../proto/model/alerts/receiver-kinds.ts';
import type { Outgoing } from '../platform/outbound.ts';
import { factsOf, type Facts, type Told } from './message.ts';

/** What is told: an alert, or that this is a test. */
export type Telling = { told: Told } | { test: { receiverName: string } };

/** When it is said, under which id at each attempt, and by whom. */
export interface Saying {
  id: string;
  nowMs: number;
  publicUrl: string;
}

/** Alertmanager takes an alert for over by itself after some minutes, unless it is told until when it holds. */
const HOLDS_MS = 365 * 24 * 3600 * 1000;
const MAX_SUMMARY = 1024;
const PAGERDUTY = 'https://events.pagerduty.com/v2/enqueue';
const PRIORITIES: Readonly<Record<string, number>> = { critical: 5, warning: 4, info: 3 };
const JSON_TYPE = { 'content-type': 'application/json' };

/** The request by which each kind is told. Texts of gateways are data everywhere, and never markup. */
const REQUESTS: Readonly<Record<HttpKind, (target: Target, telling: Telling, saying: Saying) => Outgoing>> = {
  webhook: ({ url = '', key = '' }, telling, { id, nowMs, publicUrl }) => {
    const body = JSON.stringify({
      type: 'told' in telling ? `alert.${telling.told.reason}` : 'receiver.test',
      timestamp: new Date(nowMs).toISOString(),
      data: 'told' in telling ? dataOf(telling.told, publicUrl) : { receiver: telling.test.receiverName, link: publicUrl },
    });
    const timestamp = String(Math.floor(nowMs / 1000));
    const signature = createHmac('sha256', secretBytes(key)).update(`${id}.${timestamp}.${body}`).digest('base64');
    return {
      url,
      headers: { ...JSON_TYPE, 'webhook-id': id, 'webhook-timestamp': timestamp, 'webhook-signature': `v1,${signature}` },
      body,
    };
  },
  slack: ({ url = '' }, telling, { publicUrl }) => {
    const { subject, lines, link } = sayingOf(telling, publicUrl);
    return json(url, { text: [`*${forSlack(subject)}*`, ...lines.map(forSlack), `<${link}|Open in ctfleet>`].join('\n') });
  },
  teams: ({ url = '' }, telling, { publicUrl }) => {
    const { subject, lines, link } = sayingOf(telling, publicUrl);
    const block = (text: string, more: object = {}) => ({ type: 'TextBlock', text: forMarkdown(text), wrap: true, ...more });
    const content = {
      $schema: 'http://adaptivecards.io/schemas/adaptive-card.json',
      type: 'AdaptiveCard',
      version: '1.4',
      body: [block(subject, { weight: 'Bolder', size: 'Medium' }), ...lines.map((line) => block(line))],
      actions: [{ type: 'Action.OpenUrl', title: 'Open in ctfleet', url: link }],
    };
    return json(url, { type: 'message', attachments: [{ contentType: 'application/vnd.microsoft.card.adaptive', content }] });
  },
  pagerduty: ({ url = PAGERDUTY, key = '' }, telling, { id, publicUrl }) => {
    const { subject, lines, link } = sayingOf(telling, publicUrl);
    const told = 'told' in telling ? telling.told : undefined;
    const common = { routing_key: key, dedup_key: told?.alertId ?? id };
    if (told?.reason === 'cleared') return json(url, { ...common, event_action: 'resolve' });
    return json(url, {
      ...common,
      event_action: 'trigger',
      payload: {
        summary: subject.slice(0, MAX_SUMMARY),
        source: told?.gatewayName ?? 'ctfleet',
        severity: told?.severity ?? 'info',
        timestamp: told?.raisedAt.toISOString(),
        component: told?.siteName ?? undefined,
        group: told?.tenantName ?? undefined,
        class: told?.rule,
        custom_details: { text: lines.join('\n') },
      },
      links: [{ href: link, text: 'Open in ctfleet' }],
      client: 'ctfleet',
      client_url: publicUrl,
    });
  },
  alertmanager: ({ url = '', key }, telling, { id, nowMs, publicUrl }) => {
    const { title, lines, link } = sayingOf(telling, publicUrl);
    const told = 'told' in telling ? telling.told : undefined;
    const label = (name: string, value: string | null | undefined) => (value ? { [name]: value } : {});
    const endsAt = told?.clearedAt ?? new Date(told ? nowMs + HOLDS_MS : nowMs);
    const alert = {
      labels: {
        alertname: told?.rule ?? 'ctfleet-test',
        severity: told?.severity ?? 'info',
        ctfleet_alert: told?.alertId ?? id,
        ...label('gateway', told?.gatewayName),
        ...label('site', told?.siteName),
        ...label('tenant', told?.tenantName),
      },
      annotations: { summary: told?.title ?? title, description: lines.join('\n') },
      startsAt: (told?.raisedAt ?? new Date(nowMs)).toISOString(),
      endsAt: endsAt.toISOString(),
      generatorURL: link,
    };
    return json(`${url.replace(/\/+$/, '')}/api/v2/alerts`, [alert], bearer(key));
  },
  ntfy: ({ url = '', key }, telling, { publicUrl }) => {
    const { subject, lines, link } = sayingOf(telling, publicUrl);
    const told = 'told' in telling ? telling.told : undefined;
    const at = url.lastIndexOf('/');
    const message = {
      topic: decodeURIComponent(url.slice(at + 1)),
      title: subject,
      message: lines.join('\n'),
      priority: told && told.reason !== 'cleared' ? PRIORITIES[told.severity] : 3,
      click: link,
    };
    return json(url.slice(0, at + 1), message, bearer(key));
  },
};

/** The request that tells a receiver of one of these kinds. */
export function requestOf(kind: HttpKind, target: Target, telling: Telling, saying: Saying): Outgoing {
  return REQUESTS[kind](target, telling, saying);
}

function json(url: string, body: object, headers: Record<string, string> = {}): Outgoing {
  return { url, headers: { ...JSON_TYPE, ...headers }, body: JSON.stringify(body) };
}

function bearer(key: string | undefined): Record<string, string> {
  return key === undefined ? {} : { authorization: `Bearer ${key}` };
}

function sayingOf(telling: Telling, publicUrl: string): Facts {
  if ('told' in telling) return factsOf(telling.told, publicUrl);
  const title = `Test of the receiver ${telling.test.receiverName}`;
  return { subject: title, title, lines: [`This is a test. Alerts of ${publicUrl} reach this receiver.`], link: publicUrl };
}

function dataOf(told: Told, publicUrl: string): object {
  const { alertId, severity, title, likely, rule, gatewayName, siteName, tenantName, timeZone, raisedAt, clearedAt, fixWords } = told;
  return {
    alertId,
    severity,
    title,
    likely,
    rule,
    gateway: gatewayName,
    site: siteName,
    tenant: tenantName,
    timeZone,
    raisedAt: raisedAt.toISOString(),
    clearedAt: clearedAt?.toISOString() ?? null,
    whatHelps: fixWords,
    link: `${publicUrl}/alerts/${alertId}`,
  };
}

/** Slack's own three characters. */
function forSlack(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');
}

/** No links and no emphasis out of names. */
function forMarkdown(text: string): string {
  return text.replaceAll(/[\\`*_[\]]/g, String.raw`\$&`);
}
