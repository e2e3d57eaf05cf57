import { describe, expect, it } from 'vitest';
import { effectiveRules } from '../../../proto/model/alerts/effective.ts';
import { alertsOf, type Conditions } from './conditions.ts';

const NOW = Date.UTC(2026, 11, 1);
const ago = (seconds: number): Date => new Date(NOW - seconds * 1000);
const gateway = { tenantId: 't', siteId: 's', gatewayId: 'g', gatewayName: 'gw-1' };
const NONE: Conditions = {
  now: new Date(NOW),
  steadySince: ago(3600),
  silent: [],
  certificates: [],
  guards: [],
  drifts: [],
  heldBack: [],
  failedRuns: [],
};
const rules = { of: () => effectiveRules([]), ofInstallation: () => effectiveRules([]) };
const DAY_MS = 86_400_000;
const titles = (change: Partial<Conditions>, by = rules) =>
  alertsOf({ ...NONE, ...change }, by, { certificateMs: 4 * DAY_MS }, () => 'id').map(({ title, fingerprint }) => [fingerprint, title]);

describe('what is raised now', () => {
  it('is nothing while all is well', () => {
    expect(titles({})).toEqual([]);
  });

  it.each([
    [89, false],
    [90, true],
  ])('is a gateway that has been silent for %d s: %s', (seconds, isRaised) => {
    expect(titles({ silent: [{ ...gateway, since: ago(seconds) }] })).toEqual(isRaised ? [['silent:g', 'gw-1 is silent']] : []);
  });

  it('is no silence in the first two minutes after a start, however long it was', () => {
    const silent = Array.from({ length: 500 }, () => ({ ...gateway, since: ago(7200) }));
    expect(titles({ silent, steadySince: ago(119) })).toEqual([]);
    expect(titles({ silent, steadySince: ago(120) })).toHaveLength(500);
  });

  it('is a certificate once three quarters of its life have passed', () => {
    expect(titles({ certificates: [{ ...gateway, endsAt: new Date(NOW + DAY_MS + 1) }] })).toEqual([]);
    expect(titles({ certificates: [{ ...gateway, endsAt: new Date(NOW + DAY_MS - 1) }] })).toEqual([
      ['certificate:g', 'certificate of gw-1 ends at 2026-12-01 23:59 UTC'],
    ]);
  });

  it('is drift that has stayed for its time, as one alert for all its values', () => {
    const drift = { ...gateway, count: 3, path: 'table.max' };
    expect(titles({ drifts: [{ ...drift, since: ago(299) }] })).toEqual([]);
    expect(titles({ drifts: [{ ...drift, since: ago(300) }] })).toEqual([
      ['drift:g', 'gw-1 is set otherwise than its policy says: table.max and 2 more'],
    ]);
  });

  it('is a remediation that is held back, or did not help, and a broken audit chain', () => {
    const failed = {
      id: 'run',
      remediationId: 'r',
      name: 'heal',
      tenantId: 't',
      at: ago(9),
      reason: 'no flow ended',
      gatewayId: 'g',
      gatewayName: 'gw-1',
    };
    expect(
      titles({
        heldBack: [{ id: 'r', name: 'heal', tenantId: null, at: ago(9), why: 'three failed' }],
        failedRuns: [failed],
        auditBreak: 'broken',
      }),
    ).toEqual([
      ['remediation-held-back:r', 'remediation heal is held back'],
      ['remediation-failed:r:g', 'remediation heal did not help on gw-1'],
      ['audit-chain:installation', 'the audit trail is not as it was written'],
    ]);
  });

  it('is nothing of a rule that is turned off there', () => {
    const off = { ...rules, of: () => effectiveRules([]).map((rule) => ({ ...rule, isOn: false })) };
    expect(titles({ guards: [{ ...gateway, error: 'line 3' }] }, off)).toEqual([]);
    expect(titles({ guards: [{ ...gateway, error: 'line 3' }] })).toEqual([['guard:g', 'guard file of gw-1 cannot be read']]);
  });
});
