import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { RulesetReader } from '../collectors/ruleset-reader.ts';
import { WanMemory, type Observation, type Wan } from '../collectors/wans.ts';
import type { RouteEvents } from './route-events.ts';
import { WanWatch } from './wan-watch.ts';

beforeEach(() => vi.useFakeTimers());
afterEach(() => vi.useRealTimers());

/** A watch over one WAN that is up or down as the test says; `events` is how many messages wait. */
async function watching() {
  const seen = { isUp: true, events: 0, looks: 0 };
  const changes: (boolean | undefined)[] = [];
  const observe = (): Observation => {
    seen.looks++;
    return { atMs: 0, defaultRoutes: { ipv4: [{ interface: 'wan1', metric: 1 }], ipv6: [] }, addresses: new Map(), operstate: () => (seen.isUp ? 'up' : 'down') };
  };
  const events = { haveCome: () => seen.events > 0 && (seen.events = 0, true), close: () => undefined } as unknown as RouteEvents;
  const errors: unknown[] = [];
  const watch = new WanWatch({ memory: new WanMemory(), observe, rules: new RulesetReader(() => 0, async () => '{"nftables":[]}'), events, onError: (error) => errors.push(error) });
  await watch.start();
  const stop = watch.onChange((now: readonly Wan[]) => changes.push(now[0]!.isUp));
  return { seen, changes, watch, stop, errors };
}

test('a burst of messages is one look, and a look that shows nothing new tells nobody', async () => {
  const { seen, changes, watch } = await watching();
  expect(seen.looks).toBe(1);
  seen.events = 500;
  vi.advanceTimersByTime(50);
  expect([seen.looks, changes]).toEqual([2, []]);
  vi.advanceTimersByTime(1_000);
  expect(seen.looks).toBe(2);
  watch.close();
});

test('a link that goes down is told within 50 ms, and once', async () => {
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

test('without events a sample sees it', async () => {
  const { seen, changes, watch } = await watching();
  seen.isUp = false;
  expect(watch.look()[0]!.isUp).toBe(false);
  expect(changes).toEqual([false]);
  watch.close();
});

test('a listener that has left, and a watch that is closed, are told nothing', async () => {
  const { seen, changes, watch, stop } = await watching();
  stop();
  seen.isUp = false;
  watch.look();
  watch.close();
  seen.events = 1;
  vi.advanceTimersByTime(1_000);
  expect([changes, seen.looks]).toEqual([[], 2]);
});
