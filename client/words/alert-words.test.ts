import { expect, it } from 'vitest';
import type { Alert } from '../../proto/http/alerts.ts';
import { byPlace, openWords, transitionWords } from './alert-words.ts';

const alert = (over: Partial<Alert>): Alert => ({ severity: 'warning', state: 'raised', ...over }) as Alert;

it('places come by the worst that is open there, then by name', () => {
  const groups = byPlace([
    alert({ siteId: 'b', siteName: 'Berlin' }),
    alert({ siteId: 'a', siteName: 'Ankara', severity: 'critical', state: 'cleared' }),
    alert({ siteId: 'm', siteName: 'Milano', tenantName: 'Acme', severity: 'critical' }),
    alert({ severity: 'info' }),
    alert({ siteId: 'b', siteName: 'Berlin', severity: 'info' }),
  ]);
  expect(groups.map(({ place, alerts }) => [place, alerts.length])).toEqual([
    ['Milano, Acme', 1],
    ['Berlin', 2],
    ['The installation', 1],
    ['Ankara', 1],
  ]);
});

it('what is open is counted worst first, and nothing is said of none', () => {
  expect(openWords({ info: 1, warning: 0, critical: 2 })).toBe('2 critical, 1 info');
  expect(openWords({ info: 0, warning: 0, critical: 0 })).toBeUndefined();
});

it('a transition says who did it, or that it happened', () => {
  const at = '2026-12-01T02:00:00.000Z';
  expect(transitionWords({ id: '1', transition: 'raised', at })).toBe('It was raised');
  expect(transitionWords({ id: '1', transition: 'noted', at, byName: 'Ada', note: 'called them' })).toBe('Ada noted: called them');
  expect(transitionWords({ id: '1', transition: 'acknowledged', at, byName: 'Ada' })).toBe('Ada acknowledged it');
});
