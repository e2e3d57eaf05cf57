import { expect, test } from 'vitest';
import { parseProcStat } from './proc-stat.ts';

test('columns are found by name, in the current layout', () => {
  const text = `entries  clashres found new invalid ignore delete chainlength insert insert_failed drop early_drop icmp_error  expect_new expect_create expect_delete search_restart
0000000a  00000001 000000ff 00000000 00000002 00000000 00000000 00000003 00000010 00000004 00000005 00000006 00000007  00000000 00000000 00000000 00000008
0000000a  00000000 00000001 00000000 00000000 00000000 00000000 00000000 00000000 00000000 00000000 00000000 00000000  00000000 00000000 00000000 00000000
`;
  expect(parseProcStat(text)).toEqual([
    {
      cpu: 0,
      found: 255,
      invalid: 2,
      insert: 16,
      insertFailed: 4,
      drop: 5,
      earlyDrop: 6,
      error: 7,
      searchRestart: 8,
      clashResolve: 1,
      chainToolong: 3,
    },
    {
      cpu: 1,
      found: 1,
      invalid: 0,
      insert: 0,
      insertFailed: 0,
      drop: 0,
      earlyDrop: 0,
      error: 0,
      searchRestart: 0,
      clashResolve: 0,
      chainToolong: 0,
    },
  ]);
});

test('in the layout of old kernels, counters without a column stay absent', () => {
  const text = `entries  searched found new invalid ignore delete delete_list insert insert_failed drop early_drop icmp_error  expect_new expect_create expect_delete search_restart
0000000a  00000001 000000ff 00000009 00000002 00000000 00000000 00000003 00000010 00000004 00000005 00000006 00000007  00000000 00000000 00000000 00000008
`;
  const [cpu] = parseProcStat(text);
  expect(cpu).toMatchObject({ found: 255, drop: 5 });
  expect([cpu!.clashResolve, cpu!.chainToolong]).toEqual([undefined, undefined]);
});

test('an empty file yields no CPU', () => {
  expect(parseProcStat('')).toEqual([]);
});
