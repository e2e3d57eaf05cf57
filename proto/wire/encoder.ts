import { BinaryWriter } from '@bufbuild/protobuf/wire';

const NO_LENGTH = new Uint8Array(4);

/** Encodes many messages one after the other in one buffer, which grows once: of small messages, new buffers are most of the work. */
export class Encoder {
  #writer = new BinaryWriter();

  /** The message's bytes after their length, in four bytes with the highest first. Throws what encoding throws. */
  encodeFramed<T>(type: { encode(message: T, writer: BinaryWriter): BinaryWriter }, message: T): Uint8Array<ArrayBuffer> {
    try {
      const framed = type.encode(message, this.#writer.raw(NO_LENGTH)).finish();
      const length = framed.length - NO_LENGTH.length;
      // By hand: a view of each would take as long as encoding.
      for (let at = 0; at < NO_LENGTH.length; at++) framed[at] = length >>> (24 - 8 * at);
      return framed;
    } catch (error) {
      // It still holds the part that was written.
      this.#writer = new BinaryWriter();
      throw error;
    }
  }
}
