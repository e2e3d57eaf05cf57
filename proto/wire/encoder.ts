import { BinaryWriter } from '@bufbuild/protobuf/wire';

/** Encodes many messages one after the other in one buffer, which grows once: of small messages, new buffers are most of the work. */
export class Encoder {
  #writer = new BinaryWriter();

  /** The message's bytes after `reserved` zero bytes, for a frame. Throws what encoding throws. */
  encode<T>(type: { encode(message: T, writer: BinaryWriter): BinaryWriter }, message: T, reserved = 0): Uint8Array<ArrayBuffer> {
    try {
      return type.encode(message, this.#writer.raw(new Uint8Array(reserved))).finish();
    } catch (error) {
      // It still holds the part that was written.
      this.#writer = new BinaryWriter();
      throw error;
    }
  }
}
