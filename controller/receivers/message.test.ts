import { expect, it } from 'vitest';
import { alertMessage, type Told } from './message.ts';

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

it('a message says what, where, since when in both zones, why, what helps and where', () => {
  const { subject, text } = alertMessage(told, 'https://ctfleet.example');
  expect(subject).toBe('[critical] conntrack table of gw-milano is 91 % full');
  for (const part of [
    'Where: gw-milano, Milano, Acme.',
    'Raised at 2026-12-01 02:07 UTC (2026-12-01 03:07 Europe/Rome).',
    '10.3.0.17 has 81,000',
    'What helps: End the flows of 10.3.0.17.',
    'https://ctfleet.example/alerts/01900000-0000-7000-8000-000000000001',
  ])
    expect(text).toContain(part);
});

it('that it is over is said with both times, and names that gateways gave make no lines and no markup', () => {
  const over = { ...told, reason: 'cleared' as const, clearedAt: new Date('2026-12-01T02:20:00Z'), gatewayName: 'x\r\nBcc: a@b\n<b>' };
  const { subject, text, html } = alertMessage(over, 'https://ctfleet.example');
  expect(subject).toMatch(/^\[cleared\] /);
  expect(text).toContain('cleared at 2026-12-01 02:20 UTC');
  expect(text).not.toContain('\nBcc');
  expect(html).not.toContain('<b>');
});
