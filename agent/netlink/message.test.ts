import fc from 'fast-check';
import { expect, test } from 'vitest';
import { AttributeWriter, DecodeError } from './attributes.ts';
import { encodeMessage, readMessages, readVerdict } from './message.ts';

test('messages in one block are read back in order', () => {
  const messages = [
    { type: 256, flags: 5, seq: 1, body: Uint8Array.of(2, 0, 0, 0) },
    { type: 3, flags: 2, seq: 0xffffffff, body: Uint8Array.of(0, 0, 0, 0) },
  ];
  expect(
    [...readMessages(Buffer.concat(messages.map(encodeMessage)))].map((message) => ({ ...message, body: Uint8Array.from(message.body) })),
  ).toEqual(messages);
});

test('an error carries the kernel’s message behind the capped request', () => {
  const attributes = new AttributeWriter();
  attributes.text(1, 'no such entry');
  const body = new Uint8Array(20 + attributes.length);
  new Int32Array(body.buffer, 0, 1)[0] = -2;
  body.set(attributes.finish(), 20);
  expect(readVerdict({ type: 2, flags: 0x300, seq: 1, body })).toEqual({ errno: 2, reason: 'no such entry' });
});

test('random blocks are read or refused with DecodeError', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 120 }), (bytes) => {
      try {
        for (const message of readMessages(bytes)) if (message.type === 2) readVerdict(message);
      } catch (error) {
        expect(error).toBeInstanceOf(DecodeError);
      }
    }),
    { numRuns: 2000 },
  );
});
