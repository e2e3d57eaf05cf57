import { create, ScalarType, toBinary, type DescField, type DescMessage, type Message, type MessageInitShape } from '@bufbuild/protobuf';
import { reflect, type ReflectMessage } from '@bufbuild/protobuf/reflect';
import fc from 'fast-check';

/** How deep messages are nested before their message fields stay empty: filters contain filters. */
const MAX_DEPTH = 6;

/** Any message that the schema allows, including extremes, in its encoded form. */
export function anyMessage(schema: DescMessage): fc.Arbitrary<Uint8Array> {
  return anyOf(schema, 0).map((message) => toBinary(schema, message));
}

function anyOf(schema: DescMessage, depth: number): fc.Arbitrary<Message> {
  const fields = schema.fields.filter((field) => depth < MAX_DEPTH || !holdsMessages(field));
  return fc
    .record(Object.fromEntries(fields.map((field) => [field.localName, fc.option(anyField(field, depth), { nil: undefined, freq: 2 })])))
    .map((values) => {
      const message = create(schema, {} as MessageInitShape<DescMessage>);
      const target = reflect(schema, message);
      for (const field of fields) if (values[field.localName] !== undefined) put(target, field, values[field.localName]);
      return message;
    });
}

function holdsMessages(field: DescField): boolean {
  return field.message !== undefined;
}

function put(target: ReflectMessage, field: DescField, value: unknown): void {
  if (field.fieldKind === 'list') for (const item of value as unknown[]) target.get(field).add(toReflected(field, item) as never);
  else if (field.fieldKind === 'map')
    for (const [key, item] of value as [never, unknown][]) target.get(field).set(key, toReflected(field, item) as never);
  else target.set(field, toReflected(field, value) as never);
}

function toReflected(field: DescField, value: unknown): unknown {
  return field.message ? reflect(field.message, value as Message) : value;
}

function anyField(field: DescField, depth: number): fc.Arbitrary<unknown> {
  if (field.fieldKind === 'list') return fc.array(anyItem(field, depth), { maxLength: 3 });
  if (field.fieldKind === 'map')
    return fc.uniqueArray(fc.tuple(anyKey(field.mapKey), anyItem(field, depth)), { maxLength: 3, selector: ([key]) => key });
  return anyItem(field, depth);
}

/** `__proto__` is no real field's name: JavaScript decoders skip it. */
function anyKey(type: ScalarType): fc.Arbitrary<unknown> {
  return anyScalar(type).filter((key) => key !== '__proto__');
}

function anyItem(field: DescField, depth: number): fc.Arbitrary<unknown> {
  if (field.message) return anyOf(field.message, depth + 1);
  if (field.enum)
    return fc.oneof(fc.constantFrom(...field.enum.values.map(({ number }) => number)), fc.integer({ min: 0, max: 0x7fff_ffff }));
  return anyScalar(field.scalar!);
}

function anyScalar(type: ScalarType): fc.Arbitrary<unknown> {
  switch (type) {
    case ScalarType.STRING:
      return fc.oneof(
        fc.string({ unit: 'grapheme', maxLength: 20 }),
        fc.constantFrom('', '\0', '\u001b[31m', '\u200b', '=1+1', '__proto__', 'x'.repeat(3000)),
      );
    case ScalarType.BYTES:
      return fc.uint8Array({ maxLength: 20 });
    case ScalarType.BOOL:
      return fc.boolean();
    case ScalarType.DOUBLE:
      return fc.double();
    case ScalarType.UINT32:
      return fc.oneof(fc.integer({ min: 0, max: 100 }), fc.constantFrom(0xffff_ffff, 0x8000_0000), fc.nat());
    case ScalarType.INT32:
    case ScalarType.SINT32:
      return fc.integer();
    case ScalarType.UINT64:
      return fc.oneof(
        fc.bigInt({ min: 0n, max: 100n }),
        fc.constantFrom(2n ** 52n, 2n ** 53n, 2n ** 63n, 2n ** 64n - 1n),
        fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }),
      );
    case ScalarType.INT64:
    case ScalarType.SINT64:
      return fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n });
    default:
      throw new Error(`the contract has a new scalar type, ${ScalarType[type]}; say what values it takes`);
  }
}
