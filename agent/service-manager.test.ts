import { describe, expect, test } from 'vitest';
import { feedingMs, Heartbeat, socketAddress } from './service-manager.ts';

describe('the watchdog', () => {
  test('is fed three times within its patience, and only by the process it is meant for', () => {
    expect(feedingMs({ WATCHDOG_USEC: '60000000' }, 7)).toBe(20_000);
    expect(feedingMs({ WATCHDOG_USEC: '60000000', WATCHDOG_PID: '8' }, 7)).toBeUndefined();
    expect(feedingMs({ WATCHDOG_USEC: 'soon' }, 7)).toBeUndefined();
    expect(feedingMs({}, 7)).toBeUndefined();
  });

  test('is not fed any more by a loop that has stopped turning', () => {
    let nowMs = 0;
    const heartbeat = new Heartbeat(() => nowMs);
    nowMs = 1e9;
    expect(heartbeat.isAlive).toBe(true);
    heartbeat.turned(10_000);
    nowMs += 130_000;
    expect(heartbeat.isAlive).toBe(true);
    nowMs += 1;
    expect(heartbeat.isAlive).toBe(false);
  });

  test('has a socket with a path or an abstract name, and nothing else is written to', () => {
    expect(socketAddress('/run/n')?.subarray(2).toString('latin1')).toBe('/run/n\0');
    expect(socketAddress('@n')?.subarray(2).toString('latin1')).toBe('\0n');
    for (const name of [undefined, '', '/', 'n', `/${'x'.repeat(107)}`]) expect(socketAddress(name)).toBeUndefined();
  });
});
