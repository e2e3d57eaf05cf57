import type { Random } from './random.ts';

const MAX_BYTES = 200_000;
/** The longest and the largest varints, one that never ends, and one that claims more bytes than there are. */
const VARINTS = [
  'ffffffffffffffffff01',
  'ffffffff0f',
  'ffffffff07',
  'ffffffffffffffffffffff',
  '80808080808080808000',
  '00',
  '7f',
  'ffff03',
].map((hex) => Buffer.from(hex, 'hex'));

/** A mutated copy of a frame: bits, bytes and lengths changed, cut, duplicated, spliced with a piece of another, nested in itself. */
export function mutated(random: Random, frame: Buffer, others: readonly Buffer[]): Buffer {
  let bytes: Buffer = Buffer.from(frame);
  for (let changes = 1 + random.below(3); changes > 0; changes--) bytes = change(random, bytes, others);
  return bytes.subarray(0, MAX_BYTES);
}

function change(random: Random, bytes: Buffer, others: readonly Buffer[]): Buffer {
  const at = random.below(bytes.length + 1);
  switch (random.below(9)) {
    case 0:
    case 1:
      if (bytes.length > 0) bytes[at % bytes.length]! ^= 1 << random.below(8);
      return bytes;
    case 2:
      if (bytes.length > 0) bytes[at % bytes.length] = random.below(256);
      return bytes;
    case 3:
      return bytes.subarray(0, at);
    case 4:
      return Buffer.concat([bytes.subarray(0, at), random.pick(VARINTS), bytes.subarray(at + random.below(4))]);
    case 5: {
      // a piece repeated many times
      const piece = bytes.subarray(at, at + 1 + random.below(64));
      return Buffer.concat([bytes.subarray(0, at), ...Array.from({ length: 1 + random.below(100) }, () => piece), bytes.subarray(at)]);
    }
    case 6: {
      // a piece of another instead of our own
      const other = random.pick(others);
      const from = random.below(other.length + 1);
      const piece = other.subarray(from, from + random.below(64));
      return Buffer.concat([bytes.subarray(0, at), piece, bytes.subarray(at + piece.length)]);
    }
    case 7: {
      // nested in itself, deeper than anything honest
      const tag = Buffer.from([((1 + random.below(12)) << 3) | 2]);
      for (let depth = random.pick([1, 2, 10, 100, 400]); depth > 0 && bytes.length < MAX_BYTES; depth--)
        bytes = Buffer.concat([tag, varint(bytes.length), bytes]);
      return bytes;
    }
    default:
      return Buffer.concat([bytes, random.pick(others)]);
  }
}

/** A length as protobuf encodes it. */
export function varint(value: number): Buffer {
  const bytes: number[] = [];
  for (; value > 0x7f; value = Math.floor(value / 128)) bytes.push((value & 0x7f) | 0x80);
  return Buffer.from([...bytes, value]);
}

/** The frame with a text field set, whatever it held before: of a field that occurs twice, decoders take the last. */
export function withText(frame: Buffer, fieldNumber: number, text: string): Buffer {
  const value = Buffer.from(text);
  return Buffer.concat([frame, varint((fieldNumber << 3) | 2), varint(value.length), value]);
}

/** The frame with a number set, whatever it held before. */
export function withNumber(frame: Buffer, fieldNumber: number, value: number): Buffer {
  return Buffer.concat([frame, varint(fieldNumber << 3), varint(value)]);
}

/** The frame as a field of an enclosing message. */
export function wrapped(frame: Buffer, fieldNumber: number): Buffer {
  return Buffer.concat([varint((fieldNumber << 3) | 2), varint(frame.length), frame]);
}
