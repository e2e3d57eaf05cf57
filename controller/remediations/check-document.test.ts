import { expect, it, test } from 'vitest';
import { remediationDocument } from '../../proto/http/remediation-document.ts';
import { checkDocument } from './check-document.ts';
import { LIBRARY } from './library.ts';

const problems = (document: object) =>
  checkDocument(remediationDocument.parse({ name: 'r', trigger: { kind: 'manual' }, filter: 'proto:udp', ...document })).map(
    ({ path, message }) => `${path}: ${message}`,
  );

it.each(LIBRARY.map((one) => [one.key, one] as const))('the built-in %s has no problems and only observes', (_, { document }) => {
  expect(checkDocument(document)).toEqual([]);
  expect(document.mode).toBe('observe');
});

test('names are limited to those that the trigger provides', () => {
  expect(problems({ trigger: { kind: 'wan-down' }, filter: 'wan:$wan nat:$address' })).toEqual([]);
  expect(problems({ trigger: { kind: 'schedule', cron: '0 2 * * *' }, filter: 'wan:$wan' })).toEqual([
    'filter: $wan cannot be filled in: the trigger schedule knows no names',
  ]);
  expect(problems({ trigger: { kind: 'wan-up' }, filter: 'wan:$isp' })).toEqual([
    'filter: $isp cannot be filled in: the trigger wan-up knows $wan and $address',
  ]);
});

test('a filter that does not parse, that means all, or that chooses gateways is refused', () => {
  expect(problems({ filter: 'proto:' })[0]).toMatch(/^filter: .+ \(at \d+\)$/);
  expect(problems({ filter: '()' })[0]).toMatch(/^filter: /);
  expect(problems({ filter: 'family:ipv4,ipv6' })).toEqual(['filter: leaves no flow out: a remediation never ends all of a table']);
  expect(problems({ trigger: { kind: 'wan-down' }, filter: '-wan:$wan or wan:$wan' })).toEqual([
    'filter: leaves no flow out: a remediation never ends all of a table',
  ]);
  expect(problems({ trigger: { kind: 'wan-down' }, filter: '-wan:$wan' })).toEqual([]);
  expect(problems({ filter: 'gateway:gw1 proto:udp' })).toEqual(['filter: gateway: says which gateways, and that is what `scope` is for']);
});

test('a block by what no packet carries is refused, with the narrower one', () => {
  expect(problems({ method: 'block', filter: 'host:10.0.0.2 idle>1h' })[0]).toContain('Block “host:10.0.0.2”, or use delete');
  expect(problems({ method: 'block', filter: 'host:10.0.0.2' })).toEqual([]);
  expect(problems({ method: 'block', filter: 'gateway:gw1 proto:udp' })).toHaveLength(1);
});

test('meaningless fields are reported, each at its own path', () => {
  expect(
    problems({
      trigger: { kind: 'schedule', cron: '0 2 * *', timeZone: 'Europe/Rome' },
      conditions: { healthyTarget: true },
      forSeconds: 5,
    }),
  ).toEqual([
    'trigger.cron: needs five fields: minute, hour, day of the month, month, day of the week',
    'conditions.healthyTarget: has no meaning for the trigger schedule',
    'forSeconds: has no meaning for the method delete',
  ]);
});
