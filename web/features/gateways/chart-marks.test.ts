import { expect, test } from 'vitest';
import { chartMarks } from './chart-marks.ts';

const at = (minute: number) => new Date(Date.parse('2026-12-01T03:00:00Z') + minute * 60_000).toISOString();
const failover = { wan: 'WAN1', failed: 'lost the default route', beganAt: at(5) };

test('failovers and alerts are marked in the order in which they happened', () => {
  const alerts = [{ title: 'The table of lyon is 79 % full', raisedAt: at(2) }];
  expect(chartMarks({ flushes: [], wanEvents: [failover], alerts })).toEqual([
    { kind: 'alert', atMs: Date.parse(at(2)), text: 'The table of lyon is 79 % full' },
    { kind: 'failover', atMs: Date.parse(at(5)), text: 'WAN1 lost the default route' },
  ]);
});

test('one failover is one mark: its alert and what follows from it are not marked beside it, nor what was never raised', () => {
  const alerts = [
    { title: 'WAN1 at Milano lost the default route', raisedAt: at(6), wanEventId: '1' },
    { title: 'milano-gw1 loses packets', raisedAt: at(7), parentId: '2' },
    { title: 'pending' },
  ];
  expect(chartMarks({ flushes: [], wanEvents: [failover], alerts }).map(({ kind }) => kind)).toEqual(['failover']);
});
