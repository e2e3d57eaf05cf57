import fc from 'fast-check';
import { expect, it } from 'vitest';
import { grantsOf, readProfile } from './profile.ts';

it('a profile is read from any claims without failing, and is bounded', () => {
  fc.assert(
    fc.property(
      fc.dictionary(fc.constantFrom('email', 'email_verified', 'name', 'groups', 'preferred_username'), fc.anything()),
      (claims) => {
        const { groups, name, email } = readProfile('s', claims, 'groups');
        expect(groups.every((group) => typeof group === 'string')).toBe(true);
        expect(groups.length).toBeLessThanOrEqual(1000);
        expect((name ?? '').length).toBeLessThanOrEqual(100);
        expect(email ?? 'a@b').toContain('@');
      },
    ),
  );
});

it('an address counts as verified only if the provider says so', () => {
  for (const [said, isEmailVerified] of [
    [true, true],
    ['true', true],
    [false, false],
    ['yes', false],
    [1, false],
    [undefined, false],
  ])
    expect(readProfile('s', { email: 'A@B.example', email_verified: said }, 'groups')).toMatchObject({
      email: 'a@b.example',
      isEmailVerified,
    });
});

it('a second factor counts only if the provider says so of this sign-in, and since when it says', () => {
  for (const [amr, auth_time, secondFactorAtMs] of [
    [['pwd', 'mfa'], 1_700_000_000, 1_700_000_000_000],
    [['pwd', 'mfa'], undefined, undefined],
    [['pwd', 'mfa'], '1700000000', undefined],
    [['pwd'], 1_700_000_000, undefined],
    ['mfa', 1_700_000_000, undefined],
    [undefined, 1_700_000_000, undefined],
  ])
    expect(readProfile('s', { amr, auth_time }, 'groups').secondFactorAtMs).toBe(secondFactorAtMs);
});

it('an address with letters that become others in lower case is none', () => {
  expect(readProfile('s', { email: 'mi\u212Ae@b.example' }, 'groups').email).toBeUndefined();
});

it('groups are a list or one text, in whichever claim is configured', () => {
  expect(readProfile('s', { roles: ['a', 'b', 'a', 7] }, 'roles').groups).toEqual(['a', 'b']);
  expect(readProfile('s', { roles: 'a' }, 'roles').groups).toEqual(['a']);
  expect(readProfile('s', { roles: 'a' }, 'groups').groups).toEqual([]);
});

it('a role is given once however many groups give it, and none without its group', () => {
  const mapping = [
    { group: 'ops', role: 'operator', tenantId: null },
    { group: 'noc', role: 'operator', tenantId: null },
    { group: 'acme', role: 'viewer', tenantId: 't1' },
  ] as const;
  expect(grantsOf(['noc', 'ops', 'other'], mapping)).toEqual([{ role: 'operator', tenantId: null }]);
  expect(grantsOf(['acme'], mapping)).toEqual([{ role: 'viewer', tenantId: 't1' }]);
  expect(grantsOf(['Acme', ''], mapping)).toEqual([]);
});
