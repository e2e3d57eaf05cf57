import { expect, test } from 'vitest';
import { ToldAbilities, type TriedAbilities } from './told-abilities.ts';

const CAN: TriedAbilities = { can: ['delete'], cannot: {}, tableError: '' };

function toldAt(abilities: () => TriedAbilities) {
  const clock = { nowMs: 0, now: () => clock.nowMs, delay: () => Promise.reject(new Error('nothing waits here')) };
  let tries = 0;
  const told = new ToldAbilities(async () => {
    tries++;
    return abilities();
  }, clock);
  return { told, clock, tries: () => tries };
}

test('what was tried a moment ago is said again without a trial, and later not', async () => {
  const { told, clock, tries } = toldAt(() => CAN);
  expect([await told.tell(), await told.tell(), tries()]).toEqual([CAN, CAN, 1]);
  clock.nowMs = 10_000;
  await told.tell();
  expect(tries()).toBe(2);
});

test('the hello after a change says what the look has found, which is not tried once more', async () => {
  let now: TriedAbilities = CAN;
  const { told, clock, tries } = toldAt(() => now);
  await told.tell();
  clock.nowMs = 60_000;
  now = { ...CAN, can: ['delete', 'block'] };
  expect([await told.haveChanged(false), await told.tell(), tries()]).toEqual([true, now, 2]);
});

test('a table that cannot be seen is tried at each hello', async () => {
  const { told, tries } = toldAt(() => ({ ...CAN, tableError: 'nf_conntrack is not loaded' }));
  await told.tell();
  await told.tell();
  expect(tries()).toBe(2);
});
