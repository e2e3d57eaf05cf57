import { expect, test } from 'vitest';
import { labelBytes, labelTexts, parseLabelNames } from './labels.ts';

test('label names are read from lines of bit and name', () => {
  expect(parseLabelNames('# comment\n0 eth0-in\n\n 17   bulk # why\n200 beyond\nnonsense\n')).toEqual(
    new Map([
      [0, 'eth0-in'],
      [17, 'bulk'],
    ]),
  );
});

test('bits become names, or their number if they have none', () => {
  expect(labelTexts(labelBytes([0, 17, 127]), new Map([[17, 'bulk']]))).toEqual(['0', 'bulk', '127']);
  expect(labelTexts(new Uint8Array(16), new Map())).toEqual([]);
});
