import { expect, test } from 'vitest';
import { BUSY, ChangeStage } from '../../../test/support/policy-changing.ts';
import { whyNotConfirmed } from './confirmation.ts';

const { record } = await new ChangeStage().changes.apply(BUSY, 60_000);
const at = record.verifiedAtBootMs!;
const pending = { phase: 'unconfirmed', record } as const;

test('only what began after the change was in force confirms it, until its deadline', () => {
  expect(whyNotConfirmed(pending, { openedAtBootMs: at }, at + 1)).toBeUndefined();
  expect(whyNotConfirmed(pending, { openedAtBootMs: at - 1 }, at + 1)).toMatch(/connect again/);
  expect(whyNotConfirmed(pending, { openedAtBootMs: at }, record.deadlineBootMs - 1)).toBeUndefined();
  expect(whyNotConfirmed(pending, { openedAtBootMs: at }, record.deadlineBootMs)).toMatch(/time is over/);
});

test('a change that is not verified is not confirmed', () => {
  expect(whyNotConfirmed({ ...pending, phase: 'changing' }, { openedAtBootMs: at }, at)).toMatch(/not in force yet/);
  const { verifiedAtBootMs: _, ...unverified } = record;
  expect(whyNotConfirmed({ ...pending, record: unverified }, { openedAtBootMs: at }, at)).toMatch(/not in force yet/);
});
