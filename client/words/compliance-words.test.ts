import { expect, test } from 'vitest';
import { COMPLIANCE, type Drift } from '../../proto/http/policy-states.ts';
import { complianceSentence, driftWords, freeName, openPaths, STANDING_ORDER, STANDINGS } from './compliance-words.ts';

const drift = (path: string, state: Drift['state']): Drift => ({ path, state, since: '2026-11-30T02:14:00Z' });

test('every standing has its words, and those that need somebody come first', () => {
  expect(STANDING_ORDER.toSorted()).toEqual([...COMPLIANCE].toSorted());
  expect(STANDING_ORDER.slice(0, 2)).toEqual(['drifted', 'outdated']);
  expect(STANDING_ORDER.filter((one) => STANDINGS[one].kind === 'ok')).toEqual(['compliant']);
});

test('a fleet is told by what needs somebody, and as well only if all of it is', () => {
  expect(complianceSentence({ drifted: 2, outdated: 1, compliant: 9 })).toBe('2 gateways drifted, 1 outdated');
  expect(complianceSentence({ outdated: 1, compliant: 9 })).toBe('1 gateway outdated');
  expect(complianceSentence({ compliant: 9, none: 3 })).toBe('9 gateways as their policies have it');
  expect(complianceSentence({ compliant: 9, unknown: 1 })).toBe('Nothing has drifted');
  expect(complianceSentence({ none: 3 })).toBe('Nothing has drifted');
  expect(complianceSentence({})).toBe('No gateway here');
});

test('drift is told in numbers, with what was not sent, and what is over or ignored can no longer be resolved', () => {
  const all = [drift('helpers', 'open'), drift('table', 'over'), drift('timeouts.icmp', 'ignored')];
  expect(driftWords({ drift: all, driftLeft: 0 })).toBe('1 value differs, 1 ignored, 1 set again');
  expect(driftWords({ drift: [], driftLeft: 3 })).toBe('3 values differ');
  expect(driftWords({ drift: [], driftLeft: 0 })).toBe('');
  expect(openPaths({ drift: all })).toEqual(['helpers']);
});

test('a suggested name is free, whatever the case of those that are taken', () => {
  expect(freeName('gw1', ['base'])).toBe('gw1');
  expect(freeName('gw1', ['GW1', 'gw1-2'])).toBe('gw1-3');
});
