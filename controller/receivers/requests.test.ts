import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { KIND_TRAITS, type HttpKind, type Target } from '../../proto/model/alerts/receiver-kinds.ts';
import { whyRefused } from '../remediations/hook-signature.ts';
import type { Told } from './message.ts';
import { requestOf, type Telling } from './requests.ts';

const NOW_MS = Date.parse('2026-12-01T02:08:00Z');
const saying = { id: '01900000-0000-7000-8000-00000000000d', nowMs: NOW_MS, publicUrl: 'https://ctfleet.example' };
const told: Told = {
  reason: 'raised',
  severity: 'critical',
  title: 'conntrack table of gw-milano is 91 % full',
  likely: '10.3.0.17 has 81,000 of its 220,000 flows.',
  rule: 'usage-critical',
  gatewayName: 'gw-milano',
  siteName: 'Milano',
  tenantName: 'Acme',
  timeZone: 'Europe/Rome',
  raisedAt: new Date('2026-12-01T02:07:00Z'),
  clearedAt: null,
  fixWords: 'End the flows of 10.3.0.17',
  alertId: '01900000-0000-7000-8000-000000000001',
};
const cleared: Told = { ...told, reason: 'cleared', clearedAt: new Date('2026-12-01T02:20:00Z') };
const LINK = 'https://ctfleet.example/alerts/01900000-0000-7000-8000-000000000001';
const SECRET = `whsec_${Buffer.alloc(32, 5).toString('base64')}`;
const TARGETS: Record<HttpKind, Target> = {
  webhook: { url: 'https://example.net/hook', key: SECRET },
  slack: { url: 'https://hooks.slack.example/services/T/B/x' },
  teams: { url: 'https://prod.logic.example/workflows/x' },
  pagerduty: { key: 'r'.repeat(32) },
  alertmanager: { url: 'https://am.example/prefix/', key: 'token' },
  ntfy: { url: 'https://ntfy.example/alerts', key: 'tk_1' },
};
const KINDS = Object.keys(KIND_TRAITS) as HttpKind[];
const sent = (kind: HttpKind, telling: Telling) => {
  const request = requestOf(kind, TARGETS[kind], telling, saying);
  return { ...request, json: JSON.parse(request.body) };
};

describe.each(KINDS)('%s', (kind) => {
  it('is told what, where, since when, why, what helps and where to go', () => {
    const { body } = sent(kind, { told });
    for (const part of ['91 % full', 'gw-milano', 'Milano', 'Acme', '81,000', LINK]) expect(body).toContain(part);
    expect(body).toMatch(/02:07/);
    expect(body).toContain('End the flows of 10');
  });

  it('is told of a test that names no alert', () => {
    const { body } = sent(kind, { test: { receiverName: 'night shift' } });
    expect(body).toContain('night shift');
    expect(body).not.toContain('undefined');
  });

  it('is sent JSON whatever a gateway is called, and headers without its name', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary', maxLength: 40 }), (gatewayName) => {
        const { headers, body } = requestOf(kind, TARGETS[kind], { told: { ...told, gatewayName, title: gatewayName } }, saying);
        JSON.parse(body);
        for (const value of Object.values(headers)) expect(value).toMatch(/^[\x20-\x7e]*$/);
      }),
    );
  });
});

it('a webhook is signed so that whoever follows Standard Webhooks accepts it, and an altered one not', () => {
  const { headers, body } = sent('webhook', { told });
  const call = {
    id: headers['webhook-id']!,
    timestamp: headers['webhook-timestamp']!,
    signatures: headers['webhook-signature']!,
    body,
  };
  expect(whyRefused(call, SECRET, NOW_MS)).toBeUndefined();
  expect(whyRefused({ ...call, body: `${body} ` }, SECRET, NOW_MS)).toBe('webhook-signature does not match');
});

it('PagerDuty is triggered and resolved under one key, at its own address unless another is given', () => {
  const [raised, over] = [sent('pagerduty', { told }), sent('pagerduty', { told: cleared })];
  expect(raised.url).toBe('https://events.pagerduty.com/v2/enqueue');
  expect(raised.json).toMatchObject({
    event_action: 'trigger',
    dedup_key: told.alertId,
    payload: { severity: 'critical', source: 'gw-milano' },
  });
  expect(over.json).toEqual({ routing_key: 'r'.repeat(32), dedup_key: told.alertId, event_action: 'resolve' });
  const other = requestOf('pagerduty', { url: 'https://events.eu.example/v2/enqueue', key: 'k' }, { told }, saying);
  expect(other.url).toBe('https://events.eu.example/v2/enqueue');
});

it('Alertmanager holds an alert until it is told that it ended, under the same labels', () => {
  const [raised, over] = [sent('alertmanager', { told }), sent('alertmanager', { told: cleared })];
  expect(raised.url).toBe('https://am.example/prefix/api/v2/alerts');
  expect(raised.headers.authorization).toBe('Bearer token');
  expect(Date.parse(raised.json[0].endsAt)).toBeGreaterThan(NOW_MS + 86_400_000);
  expect(over.json[0].endsAt).toBe('2026-12-01T02:20:00.000Z');
  expect(over.json[0].labels).toEqual(raised.json[0].labels);
  expect(Object.values(raised.json[0].labels).every((value) => typeof value === 'string' && value !== '')).toBe(true);
});

it('names make no markup in Slack and no links in Teams', () => {
  const named = { ...told, gatewayName: '<!channel> & <https://evil.example|click>', title: '[click](https://evil.example) *now*' };
  expect(sent('slack', { told: named }).json.text).toContain('&lt;!channel&gt; &amp; &lt;https://evil.example|click&gt;');
  const [title] = sent('teams', { told: named }).json.attachments[0].content.body;
  expect(title.text).toContain(String.raw`\[click\](https://evil.example) \*now\*`);
});

it('ntfy gets the topic apart from its server, and the priority of the severity', () => {
  const { url, json } = sent('ntfy', { told });
  expect(url).toBe('https://ntfy.example/');
  expect(json).toMatchObject({ topic: 'alerts', priority: 5, click: LINK });
});
