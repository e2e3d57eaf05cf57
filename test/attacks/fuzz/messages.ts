import { ScalarType, type DescField, type DescMessage } from '@bufbuild/protobuf';
import { BinaryWriter, WireType } from '@bufbuild/protobuf/wire';
import { hostileText } from './hostile-text.ts';
import type { KnownIds } from './known-ids.ts';
import type { Random } from './random.ts';

/** How deep messages are nested before their message fields stay empty: filters contain filters. */
const MAX_DEPTH = 7;
/** Below this depth lists stay short: otherwise a message doubles at each level. */
const FLAT_DEPTH = 3;
const WIRE_TYPES: Partial<Record<ScalarType, WireType>> = {
  [ScalarType.STRING]: WireType.LengthDelimited,
  [ScalarType.BYTES]: WireType.LengthDelimited,
  [ScalarType.DOUBLE]: WireType.Bit64,
};

/** Writes messages over all fields of a contract, including extremes, directly as bytes: a hundred times as fast as building objects. */
export class MessageMaker {
  readonly #random: Random;
  readonly #ids: KnownIds;

  constructor(random: Random, ids: KnownIds) {
    [this.#random, this.#ids] = [random, ids];
  }

  /** Any message of the schema; with `only`, one with that field of its oneof set. */
  make(schema: DescMessage, only?: string): Buffer {
    const writer = new BinaryWriter();
    this.#write(writer, schema, 0, only);
    return Buffer.from(writer.finish());
  }

  #write(writer: BinaryWriter, schema: DescMessage, depth: number, only?: string): void {
    const random = this.#random;
    for (const member of schema.members) {
      if (member.kind === 'oneof') {
        const named = only === undefined ? undefined : member.fields.find(({ localName }) => localName === only);
        const field = named ?? (random.perMille(950) ? random.pick(member.fields) : undefined);
        if (field) this.#field(writer, field, depth);
      } else if (random.perMille(presence(member, depth))) this.#field(writer, member, depth);
    }
    if (random.perMille(5)) writer.tag(1 + random.below(5000), WireType.Varint).uint64(random.uint64());
  }

  #field(writer: BinaryWriter, field: DescField, depth: number): void {
    const random = this.#random;
    if (field.fieldKind !== 'list' && field.fieldKind !== 'map') return this.#item(writer, field, depth);
    const length = depth >= FLAT_DEPTH ? random.below(2) : random.perMille(10) ? random.below(200) : random.below(4);
    for (let count = 0; count < length; count++) {
      if (field.fieldKind === 'list') this.#item(writer, field, depth);
      else {
        writer.tag(field.number, WireType.LengthDelimited).fork();
        this.#scalar(writer, 1, field.mapKey, 'key');
        if (field.message) this.#nested(writer, 2, field.message, depth);
        else this.#scalar(writer, 2, field.scalar ?? ScalarType.INT32, field.localName);
        writer.join();
      }
    }
  }

  #item(writer: BinaryWriter, field: DescField, depth: number): void {
    const random = this.#random;
    if (field.message) return this.#nested(writer, field.number, field.message, depth);
    if (field.enum) {
      writer.tag(field.number, WireType.Varint).int32(random.perMille(900) ? random.pick(field.enum.values).number : random.uint32() | 0);
      return;
    }
    this.#scalar(writer, field.number, field.scalar!, field.localName);
  }

  #nested(writer: BinaryWriter, number: number, schema: DescMessage, depth: number): void {
    if (depth >= MAX_DEPTH) return;
    writer.tag(number, WireType.LengthDelimited).fork();
    this.#write(writer, schema, depth + 1);
    writer.join();
  }

  #scalar(writer: BinaryWriter, number: number, type: ScalarType, name: string): void {
    const random = this.#random;
    writer.tag(number, WIRE_TYPES[type] ?? WireType.Varint);
    switch (type) {
      case ScalarType.STRING:
        return void writer.string(this.#text(name));
      case ScalarType.BYTES:
        return void writer.bytes(this.#bytes(name));
      case ScalarType.BOOL:
        return void writer.bool(random.below(2) === 1);
      case ScalarType.DOUBLE:
        return void writer.double(random.double());
      case ScalarType.UINT32:
        return void writer.uint32(this.#uint32(name));
      case ScalarType.INT32:
        return void writer.int32(random.uint32() | 0);
      case ScalarType.SINT32:
        return void writer.sint32(random.uint32() | 0);
      case ScalarType.UINT64:
        return void writer.uint64(
          name.endsWith('Ms') && random.perMille(600) ? BigInt(Date.now() - random.below(60_000)) : random.uint64(),
        );
      case ScalarType.SINT64:
        return void writer.sint64(BigInt.asIntN(64, random.uint64()));
      default:
        throw new Error(`the contract has a new scalar type, ${ScalarType[type]}; say what values it takes`);
    }
  }

  #text(name: string): string {
    const random = this.#random;
    if (/id$/i.test(name) && random.perMille(985)) return this.#ids.pick(random, name === 'id' ? 'any' : name);
    if (/ids$/i.test(name) && random.perMille(985)) return this.#ids.pick(random, name.slice(0, -1));
    if (this.#ids.has(name) && random.perMille(800)) return this.#ids.pick(random, name);
    return hostileText(random);
  }

  #bytes(name: string): Buffer {
    const random = this.#random;
    if (name === 'digest' && this.#ids.has('digest') && random.perMille(500)) return Buffer.from(this.#ids.pick(random, 'digest'), 'hex');
    return random.bytes(random.perMille(800) ? random.pick([4, 16]) : random.pick([0, 1, 3, 5, 15, 17, 32, 64, 3000]));
  }

  #uint32(name: string): number {
    const random = this.#random;
    if (name === 'family' && random.perMille(900)) return random.pick([4, 6]);
    return random.uint32();
  }
}

/** How often in a thousand a field is present. A gateway whose messages lack their ids is soon throttled. */
function presence(field: DescField, depth: number): number {
  if (field.localName === 'id' || field.localName.endsWith('Id')) return 990;
  return field.message && depth >= FLAT_DEPTH ? 300 : 750;
}
