import { expect, test } from 'vitest';
import { encodeEntry } from '../../../test/support/encode-entry.ts';
import { Activity } from './activity.ts';
import { allRows, Columns } from '../rows/columns.ts';
import type { Idle } from './idle.ts';
import { RowReader } from '../rows/read-entry.ts';
import { Block } from '../rows/block.ts';

const NOW = 1_900_000_000_000;
const UNKNOWN = (): Idle => ({ atLeast: 0, atMost: Infinity });

/** A table of UDP flows with these packet counts; undefined if packets are not counted. */
function tableOf(...packets: (number | undefined)[]): Columns {
  const columns = new Columns(packets.length);
  const reader = new RowReader(columns);
  packets.forEach((count, index) => {
    const body = encodeEntry({
      family: 4,
      proto: 17,
      id: index + 1,
      zone: 0,
      mark: 0,
      status: 14,
      timeoutSeconds: 100,
      orig: { src: '10.0.0.1', dst: '10.0.0.2', sport: 1000 + index, dport: 5060 },
      reply: { src: '10.0.0.2', dst: '10.0.0.1', sport: 5060, dport: 1000 + index },
      ...(count !== undefined && { origCounters: { packets: BigInt(count), bytes: 0n }, replyCounters: { packets: 0n, bytes: 0n } }),
    });
    reader.append(new Block(body), 0, body.length);
  });
  return columns;
}

function looked(...looks: [secondsAgo: number, ...packets: (number | undefined)[]][]): Activity {
  const activity = new Activity();
  for (const [secondsAgo, ...packets] of looks)
    activity.note(tableOf(...packets), allRows(packets.length), { beganAtMs: NOW - secondsAgo * 1000, endedAtMs: NOW - secondsAgo * 1000 });
  return activity;
}

test('a flow with traffic since the last reading is idle for no longer than that', () => {
  expect(looked([60, 5]).narrow(tableOf(9), 0, NOW, UNKNOWN())).toEqual({ atLeast: 0, atMost: 60 });
});

test('a flow without traffic is idle at least since the first reading that showed the same count', () => {
  expect(looked([600, 5], [60, 5], [10, 5]).narrow(tableOf(5), 0, NOW, UNKNOWN())).toEqual({ atLeast: 600, atMost: Infinity });
  expect(looked([600, 4], [60, 5], [10, 5]).narrow(tableOf(5), 0, NOW, UNKNOWN())).toEqual({ atLeast: 60, atMost: 600 });
});

test('counters narrow the bounds from timeouts, and override them if they contradict', () => {
  expect(looked([60, 5]).narrow(tableOf(5), 0, NOW, { atLeast: 0, atMost: 431_400 })).toEqual({ atLeast: 60, atMost: 431_400 });
  expect(looked([60, 5]).narrow(tableOf(9), 0, NOW, { atLeast: 431_400, atMost: 431_400 })).toEqual({ atLeast: 0, atMost: 60 });
});

test('counters that went back, missing counters, and flows seen for the first time say nothing', () => {
  expect(looked([60, 5]).narrow(tableOf(2), 0, NOW, UNKNOWN())).toEqual(UNKNOWN());
  expect(looked([60, undefined]).narrow(tableOf(undefined), 0, NOW, UNKNOWN())).toEqual(UNKNOWN());
  expect(looked([60, 5]).narrow(tableOf(5, 7), 1, NOW, UNKNOWN())).toEqual(UNKNOWN());
  expect(looked([60, 9], [30, 2]).narrow(tableOf(2), 0, NOW, UNKNOWN())).toEqual({ atLeast: 30, atMost: Infinity });
});

test('forgotten readings say nothing', () => {
  const activity = looked([60, 5]);
  activity.forget();
  expect(activity.narrow(tableOf(5), 0, NOW, UNKNOWN())).toEqual(UNKNOWN());
});
