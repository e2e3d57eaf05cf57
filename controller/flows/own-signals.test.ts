import { expect, it } from 'vitest';
import { OwnSignals } from './own-signals.ts';

it('all that runs is aborted together, what has ended is not, and what begins later is aborted from the first', async () => {
  const all = new AbortController();
  const signals = new OwnSignals(all.signal);
  const ended = await signals.with(async (signal) => signal);
  const running = [1, 2].map((name) =>
    signals.with(
      (signal) =>
        new Promise((resolve) => {
          signal.addEventListener('abort', () => resolve(`${name} ${(signal.reason as Error).message}`));
        }),
    ),
  );
  all.abort(new Error('over'));
  expect(await Promise.all(running)).toEqual(['1 over', '2 over']);
  expect([ended.aborted, await signals.with(async ({ aborted }) => aborted)]).toEqual([false, true]);
});
