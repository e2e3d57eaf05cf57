import { expect, test } from 'vitest';
import { remediationDocument } from '../../../proto/http/remediation-document.ts';
import { DEFAULTS, fieldIn, placeIn, readText, toText, withField } from './document-text.ts';
import { remediationOfFlush } from './from-flush.ts';

const text = `name: Stuck GRE
# why: ticket 8841
trigger: { kind: schedule, cron: "30 2 * * *" }
filter: proto:gre
limits:
  maxFlows: 500
`;

test('a document survives a round trip through its text', () => {
  const document = remediationDocument.parse({
    name: 'x: "y"',
    description: 'two\nlines',
    scope: { tags: ['voip'] },
    trigger: { kind: 'wan-down' },
    filter: 'stale:yes wan:$wan',
    limits: { maxFlows: 7 },
  });
  expect(readText(toText(document)).document).toEqual(document);
  expect(readText(toText(DEFAULTS)).document).toEqual(DEFAULTS);
});

test('a change in the form changes that field only: comments and order stay', () => {
  const after = withField(text, 'limits.maxFlows', 20);
  expect(after).toBe(text.replace('500', '20'));
  expect(withField(after, 'steps.sweeps', 2)).toContain('# why: ticket 8841');
  expect(readText(withField(text, 'steps.sweeps', 2)).document?.steps.sweeps).toBe(2);
  expect(readText(withField(text, 'limits.maxFlows', undefined)).document?.limits.maxFlows).toBe(DEFAULTS.limits.maxFlows);
});

test('YAML that does not parse is never overwritten', () => {
  const broken = 'name: "open\nfilter: x';
  expect(readText(broken).syntax).toMatchObject({ line: expect.any(Number) as number });
  expect(withField(broken, 'name', 'x')).toBe(broken);
});

test('a problem names the line and column of its field', () => {
  const { document, problems } = readText(text.replace('500', 'many'));
  expect(document).toBeUndefined();
  expect(problems).toMatchObject([{ path: 'limits.maxFlows', line: 6, column: 13 }]);
  expect(placeIn(text, 'trigger.cron')).toEqual({ line: 3, column: 34 });
  expect(placeIn(text, 'scope')).toEqual({ line: 1, column: 1 });
});

test('a field missing from the text shows its default', () => {
  const { raw } = readText(text);
  expect(fieldIn(raw, 'limits.maxFlows')).toBe(500);
  expect(fieldIn(raw, 'limits.coolDownSeconds')).toBe(30);
  expect(fieldIn('a word', 'limits.coolDownSeconds')).toBe(30);
});

const totals = { planned: 156 } as Parameters<typeof remediationOfFlush>[0]['totals'];
const flush = (filter: string) =>
  remediationOfFlush({
    filter,
    method: 'delete',
    reason: 'WAN1 down',
    totals,
    targets: [{ gatewayId: '019ab000-0003-7000-8000-000000000001' }] as Parameters<typeof remediationOfFlush>[0]['targets'],
  });

test('a flush of stale flows becomes a remediation for a failing WAN, limited to twice its flows', () => {
  expect(flush('stale:yes wan:wan1 proto:udp')).toMatchObject({
    mode: 'observe',
    trigger: { kind: 'wan-down', wan: 'wan1' },
    filter: 'stale:yes wan:$wan proto:udp',
    limits: { maxFlows: 312 },
    conditions: { healthyTarget: true },
  });
  expect(flush('stale:yes')).toMatchObject({ trigger: { kind: 'wan-down', wan: '*' }, filter: 'stale:yes wan:$wan' });
});

test('any other flush becomes a manual remediation; gateways and kernel ids are not part of its filter', () => {
  expect(flush('tenant:pine (proto:gre or proto:esp) id:7,8 age>2m')).toMatchObject({
    trigger: { kind: 'manual' },
    filter: 'proto:gre,esp age>=121s',
  });
  expect(flush('wan:none proto:gre')).toMatchObject({ trigger: { kind: 'manual' }, filter: 'wan:none proto:gre' });
  expect(flush('proto:gre').scope.gateways).toHaveLength(1);
});
