import { RefusedPackets as WireRefused } from '../gen/ctfleet/v1/operation.ts';
import type { Prefix } from '../model/address.ts';
import { FleetError } from '../model/error-codes.ts';
import { MAX_BLOCK_SECONDS, MAX_CONDITIONS } from '../model/block/of-filter.ts';
import { PACKET_FIELDS, type PacketField, type PacketTest, type RefusedPackets } from '../model/block/packets.ts';

/** As much as a filter may hold, so that no valid filter is too large for a block. */
const MAX_TESTS = 64;
const MAX_VALUES = 4096;

export function toWireRefused({ anyOf, seconds }: RefusedPackets): WireRefused {
  return {
    seconds,
    anyOf: anyOf.map((condition) => ({
      allOf: condition.map(({ field, isNot, prefixes, ranges }) => ({
        field,
        isNot,
        prefixes: prefixes.map(({ address, bits }) => ({ address: Buffer.from(address), bits })),
        ranges,
      })),
    })),
  };
}

/** Throws FILTER_UNSUPPORTED for anything that this version does not know or that is not a block. */
export function fromWireRefused(wire: WireRefused): RefusedPackets {
  const tests = wire.anyOf.flatMap(({ allOf }) => allOf);
  const values = tests.reduce((sum, { prefixes, ranges }) => sum + prefixes.length + ranges.length, 0);
  const isBounded =
    wire.anyOf.length <= MAX_CONDITIONS &&
    wire.anyOf.every(({ allOf }) => allOf.length > 0 && allOf.length <= MAX_TESTS && allOf.some(({ isNot }) => !isNot)) &&
    values <= MAX_VALUES;
  if (!isBounded || wire.seconds < 1 || wire.seconds > MAX_BLOCK_SECONDS) throw unknownPart();
  return {
    seconds: wire.seconds,
    anyOf: wire.anyOf.map(({ allOf }) =>
      allOf.map(({ field, isNot, prefixes, ranges }): PacketTest => {
        if (!(PACKET_FIELDS as readonly string[]).includes(field)) throw unknownPart();
        return {
          field: field as PacketField,
          isNot,
          prefixes: prefixes.map(prefixOf),
          ranges: ranges.map(({ from, to }) => ({ from, to })),
        };
      }),
    ),
  };
}

/**
 * What is hashed after the flows of a plan, so that agent and controller compute the same digest: the message, prefixed by its length.
 * Input for SHA-256.
 */
export function refusedBytes(refused: RefusedPackets): Uint8Array {
  const bytes = WireRefused.encode(toWireRefused(refused)).finish();
  const framed = new Uint8Array(bytes.length + 4);
  new DataView(framed.buffer).setUint32(0, bytes.length);
  framed.set(bytes, 4);
  return framed;
}

function prefixOf({ address, bits }: { address: Uint8Array; bits: number }): Prefix {
  if ((address.length !== 4 && address.length !== 16) || bits > address.length * 8) throw unknownPart();
  return { family: address.length === 4 ? 4 : 6, address: Uint8Array.from(address), bits };
}

function unknownPart(): FleetError {
  return new FleetError('FILTER_UNSUPPORTED', 'The packets of the block contain a part that this version does not know.');
}
