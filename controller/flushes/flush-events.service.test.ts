import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import type { ReplicaNotifications } from '../platform/replica-notifications.ts';
import { FlushEventsService } from './flush-events.service.ts';
import type { FlushesService } from './flushes.service.ts';

beforeEach(() => void vi.useFakeTimers({ now: 0 }));
afterEach(() => void vi.useRealTimers());

/** A listener of one flush whose state, and whether it can be read, are in the test's hands. */
async function listening() {
  const flush = { state: 'running', canRead: true, readMs: 0, targets: 0 };
  const told: string[] = [];
  let [notify, close] = [(): void => undefined, (): void => undefined];
  const flushes = {
    get: async () => {
      if (!flush.canRead) throw new Error('away');
      if (flush.readMs > 0) await new Promise((resolve) => setTimeout(resolve, flush.readMs));
      const targets = Array.from({ length: flush.targets }, (_, at) => ({ gatewayId: `g${at}` }));
      return { state: flush.state, targets, totals: {} };
    },
  } as unknown as FlushesService;
  const notifications = {
    on: (_: string, listener: (id: string) => void) => ((notify = () => listener('f')), () => undefined),
  } as unknown as ReplicaNotifications;
  await new FlushEventsService(flushes, notifications, Date.now).watch('all', 'f', () => ({
    send: (event) => {
      const { kind, flush: whole } = event as { kind: string; flush: { state: string } };
      if (kind === 'flush') told.push(whole.state);
    },
    onClose: (closer) => {
      close = closer;
    },
  }));
  await vi.advanceTimersByTimeAsync(200);
  return { flush, told, notify: () => notify(), close: () => close() };
}

it('what could not be sent is sent once it can be, without another notification', async () => {
  const { flush, told, notify } = await listening();
  Object.assign(flush, { state: 'verified', canRead: false });
  notify();
  await vi.advanceTimersByTimeAsync(1500);
  expect(told).toEqual(['running']);
  flush.canRead = true;
  await vi.advanceTimersByTimeAsync(1000);
  expect(told).toEqual(['running', 'verified']);
});

it('a change after a quiet time is sent at once, and one soon after it within 100 ms', async () => {
  const { flush, told, notify } = await listening();
  flush.state = 'a';
  notify();
  await vi.advanceTimersByTimeAsync(0);
  expect(told).toEqual(['running', 'a']);
  flush.state = 'b';
  notify();
  await vi.advanceTimersByTimeAsync(99);
  expect(told.length).toBe(2);
  await vi.advanceTimersByTimeAsync(1);
  expect(told).toEqual(['running', 'a', 'b']);
});

it.each([
  ['of 300 targets', { targets: 300 }, 0, 300],
  ['of 5,000 targets', { targets: 5000 }, 0, 1000],
  ['that take 400 ms to read', { readMs: 400 }, 400, 400],
])('updates %s are as far apart as they cost, and never more than a second', async (_, size, readMs, apartMs) => {
  const { flush, told, notify } = await listening();
  Object.assign(flush, { state: 'a', ...size });
  notify();
  await vi.advanceTimersByTimeAsync(readMs);
  expect(told).toEqual(['running', 'a']);
  flush.state = 'b';
  notify();
  await vi.advanceTimersByTimeAsync(apartMs + readMs - 1);
  expect(told.length).toBe(2);
  await vi.advanceTimersByTimeAsync(1);
  expect(told).toEqual(['running', 'a', 'b']);
});

it('a listener that left gets nothing, even with a retry pending', async () => {
  const { flush, told, notify, close } = await listening();
  Object.assign(flush, { state: 'verified', canRead: false });
  notify();
  await vi.advanceTimersByTimeAsync(100);
  close();
  flush.canRead = true;
  await vi.advanceTimersByTimeAsync(5000);
  expect([told, vi.getTimerCount()]).toEqual([['running'], 0]);
});
