import { expect, test } from 'vitest';
import { systemdArguments, waitingArguments } from './dead-man.ts';

test('a timer of systemd is due when the time of the change is over, within a tenth of a second, and leaves nothing behind', () => {
  const words = systemdArguments({ id: 'c1', deadlineBootMs: 500_000 }, '/var/lib/ctfleet-agent', 380_500);
  expect(words.slice(0, words.indexOf('--'))).toEqual([
    '--quiet',
    '--collect',
    '--unit=ctfleet-policy-c1',
    '--description=Puts the tracking policy of this gateway back unless it is confirmed',
    '--on-active=119500ms',
    '--timer-property=AccuracySec=100ms',
  ]);
  expect(words.slice(-2)).toEqual(['/var/lib/ctfleet-agent', 'c1']);
});

test('a time that is over already is due at once', () => {
  expect(systemdArguments({ id: 'c1', deadlineBootMs: 5 }, '/s', 10)).toContain('--on-active=0ms');
});

test('a process waits until three seconds before the deadline, and half of a short time', () => {
  const words = (leftMs: number): string[] =>
    waitingArguments({ id: 'c1', deadlineBootMs: 500_000, process: { pid: 77, startedAt: '1' } }, '/s', 500_000 - leftMs);
  expect(words(120_000).slice(0, 3)).toEqual(['/s/policies', '11700', '77']);
  expect(words(1500)[1]).toBe('75');
  expect(words(-10)[1]).toBe('0');
  expect(words(1500).slice(-3)).toEqual(['/s', 'c1', '-']);
});
