import { expect, test } from 'vitest';
import { LiveRefusals } from './live-refusals.ts';

const one = { set: 'reset4', value: '77 . 10.1.0.1 . 198.51.100.10' };
const other = { ...one, value: '78 . 10.1.0.2 . 198.51.100.10' };

test('each is refused until its own end, and a longer time counts', () => {
  const live = new LiveRefusals();
  live.add([one, other], 10_000);
  live.add([one], 30_000);
  live.add([other], 5_000);
  expect(live.at(4_000)).toEqual([
    { ...one, expiresSeconds: 26 },
    { ...other, expiresSeconds: 6 },
  ]);
  expect(live.at(10_000)).toEqual([{ ...one, expiresSeconds: 20 }]);
  expect(live.untilMs).toBe(30_000);
});

test('what is released is not put back, and what the kernel holds counts', () => {
  const live = new LiveRefusals();
  live.add([one, other], 10_000);
  live.remove([one]);
  expect(live.at(0)).toEqual([{ ...other, expiresSeconds: 10 }]);
  live.replace([{ ...one, expiresSeconds: 3 }], 1_000);
  expect([live.at(1_000), live.untilMs]).toEqual([[{ ...one, expiresSeconds: 4 }], 5_000]);
});
