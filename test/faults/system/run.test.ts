import { expect, it } from 'vitest';
import { emptyHistory } from '../history.ts';
import { schedule, KINDS } from './outages.ts';
import { settledAfter } from './run.ts';

const entry = (commandId: string, atMs: number) => ({
  id: commandId,
  chain: 't',
  seq: 1,
  at: new Date(atMs).toISOString(),
  actor: { kind: 'gateway', id: 'g', name: 'g' },
  action: 'flush.target-finished',
  outcome: 'ok',
  summary: '',
  detail: { commandId },
  previousHash: '',
  hash: '',
});
const command = (id: string, createdAtMs: number) => ({
  id,
  gatewayId: 'g',
  tenantId: 't',
  flushId: 'f',
  planId: 'p',
  seq: 1n,
  state: 'finished',
  createdAtMs,
  notAfterMs: 9000,
});

it('what was asked for after the last fault does not count against it', () => {
  const history = {
    ...emptyHistory(),
    commands: [command('before', 100), command('after', 300)],
    audit: [entry('before', 500), entry('after', 900)],
  };
  expect(settledAfter(history, 200)).toBe(300);
  expect(settledAfter(history, 600)).toBe(300);
  expect(settledAfter(history, 50)).toBe(0);
});

it('a schedule has every kind once before any repeats, and the same seed gives the same schedule', () => {
  const kinds = Object.keys(KINDS).length;
  expect(
    new Set(
      schedule(3, 100)
        .slice(0, kinds)
        .map(({ kind }) => kind),
    ).size,
  ).toBe(kinds);
  expect(schedule(3, 100)).toEqual(schedule(3, 100));
  expect(schedule(4, 100)).not.toEqual(schedule(3, 100));
});
