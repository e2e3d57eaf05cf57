import fc from 'fast-check';
import { expect, test } from 'vitest';
import { arbitraryEntry } from '../../../test/support/arbitrary-entry.ts';
import { encodeEntry } from '../../../test/support/encode-entry.ts';
import { Columns } from './columns.ts';
import { encodeDelete } from '../wire/requests.ts';
import { writeRowDelete } from './encode-delete.ts';
import { RowReader } from './read-entry.ts';
import { Block } from './block.ts';

test('the delete of a row is the delete of its flow, byte for byte, whatever lay there before', () => {
  fc.assert(
    fc.property(arbitraryEntry, (entry) => {
      const columns = new Columns(1);
      const body = encodeEntry(entry);
      new RowReader(columns).append(new Block(body), 0, body.length);
      const out = new Block(new Uint8Array(512).fill(0xee));
      const length = writeRowDelete(columns, 0, out, 16);
      expect(Buffer.from(out.bytes.subarray(16, 16 + length)).toString('hex')).toBe(Buffer.from(encodeDelete(entry)).toString('hex'));
    }),
    { numRuns: 2000 },
  );
});
