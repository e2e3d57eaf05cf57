import { Filter, type Term as WireTerm, type Term_Prefix } from '../gen/ctfleet/v1/flow.ts';
import type { Prefix } from '../model/address.ts';
import { FleetError } from '../model/error-codes.ts';
import { FIELD_NAMES, type FieldName, type FlowFilter, type Match } from '../model/filter/filter.ts';
import { MAX_FILTER_BYTES } from '../model/filter/limits.ts';

/** The filter as a message. Throws FILTER_UNSUPPORTED for one that an agent could not decode: too many bytes, or too deep. */
export function toWireFilter(filter: FlowFilter): Filter {
  const wire = toWire(filter);
  const bytes = Filter.encode(wire).finish();
  if (bytes.length > MAX_FILTER_BYTES) {
    throw new FleetError(
      'FILTER_UNSUPPORTED',
      `The filter has ${bytes.length} bytes, and gateways accept ${MAX_FILTER_BYTES}. Name fewer or shorter values.`,
    );
  }
  try {
    Filter.decode(bytes);
  } catch (cause) {
    throw new FleetError(
      'FILTER_UNSUPPORTED',
      'The filter is nested too deeply for the gateways. Join conditions side by side.',
      {},
      { cause },
    );
  }
  return wire;
}

function toWire(filter: FlowFilter): Filter {
  switch (filter.kind) {
    case 'everything':
      return { node: { $case: 'everything', value: true } };
    case 'and':
      return { node: { $case: 'and', value: { operands: filter.operands.map(toWire) } } };
    case 'or':
      return { node: { $case: 'or', value: { operands: filter.operands.map(toWire) } } };
    case 'not':
      return { node: { $case: 'not', value: toWire(filter.operand) } };
    case 'term':
      return { node: { $case: 'term', value: { field: filter.field, match: toWireMatch(filter.match) } } };
  }
}

/**
 * Maximum nesting and number of parts of a filter received over the link: whoever walks it recurses as deep, and compares each row as
 * often.
 */
export const MAX_WIRE_DEPTH = 64;
export const MAX_WIRE_PARTS = 4096;

/**
 * The filter in a message. Throws FILTER_UNSUPPORTED for anything this version does not know, so that no term is ever ignored, and for one
 * that is nested too deep or has too many parts.
 */
export function fromWireFilter(wire: Filter | undefined): FlowFilter {
  return readWire(wire, 1, { parts: 0 });
}

function readWire(wire: Filter | undefined, depth: number, seen: { parts: number }): FlowFilter {
  if (depth > MAX_WIRE_DEPTH || ++seen.parts > MAX_WIRE_PARTS) {
    throw new FleetError(
      'FILTER_UNSUPPORTED',
      `The filter is nested deeper than ${MAX_WIRE_DEPTH}, or has more than ${MAX_WIRE_PARTS} parts; simplify it.`,
    );
  }
  const inner = (part: Filter) => readWire(part, depth + 1, seen);
  const node = wire?.node;
  switch (node?.$case) {
    case 'everything':
      if (node.value) return { kind: 'everything' };
      break;
    case 'and':
      return { kind: 'and', operands: node.value.operands.map(inner) };
    case 'or':
      return { kind: 'or', operands: node.value.operands.map(inner) };
    case 'not':
      return { kind: 'not', operand: inner(node.value) };
    case 'term':
      return { kind: 'term', field: knownField(node.value.field), match: fromWireMatch(node.value) };
    case undefined:
  }
  throw new FleetError('FILTER_UNSUPPORTED', 'The filter contains a part that this version does not know.');
}

function knownField(field: string): FieldName {
  if ((FIELD_NAMES as readonly string[]).includes(field)) return field as FieldName;
  throw new FleetError('FILTER_UNSUPPORTED', `This version does not know the field ${field}.`, { field });
}

function toWireMatch(match: Match): WireTerm['match'] {
  switch (match.kind) {
    case 'prefix':
      return { $case: 'prefix', value: toWirePrefix(match.prefix) };
    case 'endpoint':
      return { $case: 'endpoint', value: { prefix: toWirePrefix(match.prefix), fromPort: match.from, toPort: match.to } };
    case 'range':
      return { $case: 'range', value: { from: match.from, to: match.to } };
    case 'mask':
      return { $case: 'mask', value: { value: match.value, mask: match.mask } };
    case 'glob':
      return { $case: 'glob', value: match.pattern };
    case 'none':
      return { $case: 'none', value: true };
  }
}

function fromWireMatch({ field, match }: WireTerm): Match {
  switch (match?.$case) {
    case 'prefix': {
      const prefix = fromWirePrefix(match.value);
      if (!prefix) break;
      return { kind: 'prefix', prefix };
    }
    case 'endpoint': {
      const { prefix: wire, fromPort: from, toPort: to } = match.value;
      const prefix = wire && fromWirePrefix(wire);
      if (!prefix) break;
      return { kind: 'endpoint', prefix, from, to };
    }
    case 'range':
      return { kind: 'range', from: match.value.from, to: match.value.to };
    case 'mask':
      return { kind: 'mask', value: match.value.value, mask: match.value.mask };
    case 'glob':
      return { kind: 'glob', pattern: match.value };
    case 'none':
      if (match.value) return { kind: 'none' };
      break;
    case undefined:
  }
  throw new FleetError('FILTER_UNSUPPORTED', `This version does not know how ${field} is compared.`, { field });
}

function toWirePrefix({ address, bits }: Prefix): Term_Prefix {
  return { address: Buffer.from(address), bits };
}

function fromWirePrefix({ address, bits }: Term_Prefix): Prefix | undefined {
  if ((address.length !== 4 && address.length !== 16) || bits > address.length * 8) return undefined;
  return { family: address.length === 4 ? 4 : 6, address: new Uint8Array(address), bits };
}
