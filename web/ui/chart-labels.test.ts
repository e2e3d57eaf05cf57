import { expect, test } from 'vitest';
import { labelRows } from './chart-labels.ts';

test('labels that do not touch share a row, one that would print over another takes the next', () => {
  const labels = [
    { left: 0, right: 100 },
    { left: 50, right: 150 },
    { left: 110, right: 200 },
  ];
  expect(labelRows(labels, 2, 8)).toEqual([0, 1, 0]);
});

test('a label that stands left of one placed earlier is kept from it too', () => {
  const labels = [
    { left: 200, right: 300 },
    { left: 150, right: 210 },
    { left: 0, right: 100 },
  ];
  expect(labelRows(labels, 2, 8)).toEqual([0, 1, 0]);
});

test('without room in any row a label is left out, and the rows stay as they were', () => {
  const labels = [
    { left: 0, right: 100 },
    { left: 90, right: 190 },
    { left: 108, right: 208 },
  ];
  expect(labelRows(labels, 1, 8)).toEqual([0, undefined, 0]);
});
