import { expect, test } from 'vitest';
import { refusal } from './access.ts';

test('a greyed-out button names the missing role and who can grant it', () => {
  const viewer = [{ role: 'viewer' as const, tenantId: null }];
  expect(refusal(viewer, 'plans.run')).toBe('Needs the role owner, admin or operator; you are viewer. An owner or admin can grant it.');
  expect(refusal([{ role: 'operator', tenantId: 'a' }], 'plans.run', ['a', 'b'])).toContain('for this tenant');
  expect(refusal([{ role: 'operator', tenantId: 'a' }], 'plans.run', ['a'])).toBeUndefined();
});

test('a role over all tenants is required to act on all, whatever the role over some', () => {
  expect(refusal([{ role: 'auditor', tenantId: 'a' }], 'audit.read', 'all')).toBe(
    'Needs the role owner, admin, approver or auditor over all tenants; you are auditor. An owner or admin can grant it.',
  );
  expect(refusal([{ role: 'auditor', tenantId: null }], 'audit.read', 'all')).toBeUndefined();
});
