import { expect, test } from 'vitest';
import { RulesetReader } from './ruleset-reader.ts';

function reader(list: () => Promise<string>) {
  const clock = { ms: 0 };
  return { clock, rules: new RulesetReader(() => clock.ms, list) };
}

test('rules are read at once, after a sign not before half a minute, without one every five minutes', async () => {
  let reads = 0;
  const { clock, rules } = reader(async () => (reads++, '{"nftables":[]}'));
  await rules.refresh();
  expect([reads, rules.why, rules.facts?.marks]).toEqual([1, undefined, { areRestored: false, areGiven: false }]);
  const readsAt = async (ms: number, isSign: boolean) => { clock.ms = ms; await rules.refresh(isSign); return reads; };
  expect(await readsAt(29_999, true)).toBe(1);
  expect(await readsAt(30_000, false)).toBe(1);
  expect(await readsAt(30_000, true)).toBe(2);
  expect(await readsAt(329_999, false)).toBe(2);
  expect(await readsAt(330_000, false)).toBe(3);
});

test('where nft is not there, it says so and knows nothing', async () => {
  const { rules } = reader(async () => { throw Object.assign(new Error('spawn nft ENOENT'), { code: 'ENOENT' }); });
  await rules.refresh();
  expect([rules.facts, rules.why]).toEqual([undefined, 'nft is not there: install nftables']);
});

test('what was known is forgotten when it cannot be read any more', async () => {
  const texts = ['{"nftables":[]}', 'no JSON'];
  const { clock, rules } = reader(async () => texts.shift()!);
  await rules.refresh();
  clock.ms = 300_000;
  await rules.refresh();
  expect(rules.facts).toBeUndefined();
});

test('rules that were heard to change are read within a second, and what is in sets is left alone', async () => {
  const clock = { ms: 0 };
  const changes: ('rules' | 'elements')[] = [];
  let reads = 0;
  const rules = new RulesetReader(() => clock.ms, async () => (reads++, '{"nftables":[]}'), { take: () => changes.shift() });
  await rules.refresh();
  changes.push('rules');
  clock.ms = 100;
  await rules.refresh();
  expect(reads).toBe(1);
  clock.ms = 900;
  await rules.refresh();
  expect(reads).toBe(2);
  changes.push('elements');
  clock.ms = 2000;
  await rules.refresh();
  expect(reads).toBe(2);
});
