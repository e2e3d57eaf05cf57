import { expect, test } from 'vitest';
import type { FlowRow } from '../../../proto/http/flows.ts';
import { added, extended, isSelected, NOTHING, toggled } from './selection.ts';

const row = (over: Partial<FlowRow> = {}) =>
  ({ gatewayId: 'g', id: 7, zone: 0, orig: { src: '10.20.4.31', dst: '198.51.100.20' }, ...over }) as FlowRow;

test('protected rows are never selected, one by one, by range or all together', () => {
  const rows = [row({ id: 1 }), row({ id: 2, protectedBy: 'agent channel' }), row({ id: 3 })];
  const one = toggled(NOTHING, rows[0]!);
  const range = extended(one, rows, 2);
  expect(rows.map((each) => isSelected(range, each))).toEqual([true, false, true]);
  expect(toggled(NOTHING, rows[1]!)).toBe(NOTHING);
  expect(isSelected({ kind: 'matching' }, rows[1]!)).toBe(false);
  expect(added(NOTHING, rows)).toMatchObject({ rows: { size: 2 } });
});

test('switching a row twice leaves nothing selected', () => {
  expect(isSelected(toggled(toggled(NOTHING, row()), row()), row())).toBe(false);
});
