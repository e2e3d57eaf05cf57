import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { WanMemory, type Observation, type Wan } from './wans.ts';
import type { RouteEvents } from './route-events.ts';
import { WanWatch } from './watch.ts';

beforeEach(() => vi.useFakeTimers());
afterEach(() => vi.useRealTimers());

/** A watch over one WAN that is up or down as the test says; `events` is the number of pending messages. */
async function watching({ canHear = true } = {}) {
  const seen = { isUp: true, events: 0, looks: 0 };
  const changes: (boolean | undefined)[] = [];
  const observe = (): Observation => {
    seen.looks++;
    return {
      atMs: 0,
      defaultRoutes: { ipv4: [{ interface: 'wan1', metric: 1 }], ipv6: [] },
      addresses: new Map(),
      operstate: () => (seen.isUp ? 'up' : 'down'),
    };
  };
  const events = { haveCome: () => seen.events > 0 && ((seen.events = 0), true), close: () => undefined } as unknown as RouteEvents;
  const errors: unknown[] = [];
  const watch = new WanWatch({
    memory: new WanMemory(),
    observe,
    events: canHear ? events : undefined,
    onError: (error) => errors.push(error),
  });
  await watch.start();
  const stop = watch.onChange((now: readonly Wan[]) => changes.push(now[0]!.isUp));
  return { seen, changes, watch, stop, errors };
}

test('a burst of messages causes one observation, and one that shows nothing new notifies nobody', async () => {
  const { seen, changes, watch } = await watching();
  expect(seen.looks).toBe(1);
  seen.events = 500;
  vi.advanceTimersByTime(50);
  expect([seen.looks, changes]).toEqual([2, []]);
  vi.advanceTimersByTime(1_000);
  expect(seen.looks).toBe(2);
  watch.close();
});

test('a link that goes down is reported within 50 ms, and once', async () => {
  const { seen, changes, watch } = await watching();
  seen.isUp = false;
  seen.events = 1;
  vi.advanceTimersByTime(50);
  expect(changes).toEqual([false]);
  seen.events = 1;
  vi.advanceTimersByTime(50);
  expect(changes).toEqual([false]);
  watch.close();
});

test('a query covers all events up to that moment, and reads nothing if there were none', async () => {
  const { seen, changes, watch } = await watching();
  const looks = seen.looks;
  expect(watch.current()[0]!.isUp).toBe(true);
  expect(seen.looks).toBe(looks);
  seen.isUp = false;
  seen.events = 1;
  expect(watch.current()[0]!.isUp).toBe(false);
  expect([seen.looks, changes]).toEqual([looks + 1, [false]]);
  watch.close();
});

test('without events a query sees a change at once, and the watch within 10 s', async () => {
  const { seen, changes, watch } = await watching({ canHear: false });
  seen.isUp = false;
  expect(watch.current()[0]!.isUp).toBe(false);
  seen.isUp = true;
  vi.advanceTimersByTime(10_000);
  expect(changes).toEqual([false, true]);
  watch.close();
});

test('a change without an event is seen within 10 s', async () => {
  const { seen, changes, watch } = await watching();
  seen.isUp = false;
  vi.advanceTimersByTime(9_950);
  expect(changes).toEqual([]);
  vi.advanceTimersByTime(50);
  expect(changes).toEqual([false]);
  watch.close();
});

test('a removed listener and a closed watch receive nothing', async () => {
  const { seen, changes, watch, stop } = await watching();
  stop();
  seen.isUp = false;
  watch.look();
  watch.close();
  seen.events = 1;
  vi.advanceTimersByTime(1_000);
  expect([changes, seen.looks]).toEqual([[], 2]);
});
