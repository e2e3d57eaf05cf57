import { expect, test } from 'vitest';
import { Snapshots } from './snapshots.ts';

function snapshotsAt(clock: { ms: number }) {
  let walks = 0;
  const snapshots = new Snapshots({
    now: () => 1_000_000 + clock.ms,
    monotonic: () => clock.ms,
    read: function* () {
      walks++;
      yield;
    },
  });
  const ask = (askedAt: number, maxAgeMs: number) => snapshots.fresh({ askedAt, maxAgeMs }) ?? snapshots.take(() => undefined);
  return { snapshots, ask, walks: () => walks };
}

test('queries that wait at the same time are answered from one walk, later ones only as far as they allow', () => {
  const clock = { ms: 100 };
  const { ask, walks } = snapshotsAt(clock);
  for (const askedAt of [90, 95, 100]) expect(ask(askedAt, 0).beganAt).toBe(100);
  expect(walks()).toBe(1);
  clock.ms = 1_100;
  expect(ask(1_100, 1_000).atMs).toBe(1_000_100);
  expect(ask(1_101, 1_000).beganAt).toBe(1_100);
  expect(walks()).toBe(2);
});

test('a change of our own makes what was seen before too old for any query', () => {
  const clock = { ms: 100 };
  const { snapshots, ask, walks } = snapshotsAt(clock);
  ask(100, 0);
  clock.ms = 101;
  snapshots.changed();
  clock.ms = 102;
  ask(102, 60_000);
  expect(walks()).toBe(2);
});

test('memory is used again unless somebody still reads it', () => {
  const clock = { ms: 100 };
  const { ask } = snapshotsAt(clock);
  const first = ask(100, 0);
  clock.ms = 200;
  const second = ask(200, 0);
  expect(second.columns).toBe(first.columns);
  second.readers++;
  clock.ms = 300;
  expect(ask(300, 0).columns).not.toBe(second.columns);
});

test('a walk that was cancelled leaves nothing that could be taken for a snapshot', () => {
  const clock = { ms: 100 };
  const { snapshots, ask } = snapshotsAt(clock);
  ask(100, 0);
  expect(() =>
    snapshots.take(() => {
      throw new Error('cancelled');
    }),
  ).toThrow('cancelled');
  expect(snapshots.latest).toBeUndefined();
});
