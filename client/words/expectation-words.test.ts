import { expect, test } from 'vitest';
import { deletedExpectationsWords, expectedWords, sideWords } from './expectation-words.ts';

test.each([
  [{ address: '198.51.100.1' }, 'tcp', '198.51.100.1'],
  [{ address: '198.51.100.1', port: 4000 }, 'tcp', '198.51.100.1:4000'],
  [{ address: 'fd00::1', port: 4000 }, 'tcp', '[fd00::1]:4000'],
  [{ address: 'fd00::', prefix: 64 }, 'udp', 'fd00::/64'],
  [{ address: '10.0.0.5', port: 0 }, 'gre', '10.0.0.5 call 0'],
])('a side is written with what is known of it: %j of %s is %s', (side, proto, words) => {
  expect(sideWords(side, proto)).toBe(words);
});

test('what is expected is one phrase', () => {
  expect(expectedWords({ proto: 'udp', src: { address: '198.51.100.1' }, dst: { address: '10.0.0.5', port: 4000 } })).toBe(
    'udp 198.51.100.1 to 10.0.0.5:4000',
  );
});

test('what came of deleting names only what there is', () => {
  expect(deletedExpectationsWords({ deleted: 1, gone: 0, failed: 0 })).toBe('1 expectation deleted, and gone when read again');
  expect(deletedExpectationsWords({ deleted: 0, gone: 2, failed: 1 })).toBe(
    '0 expectations deleted, and gone when read again; 2 had ended before; 1 still there',
  );
});
