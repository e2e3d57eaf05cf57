import type { Expectation as WireExpectation } from '../gen/ctfleet/v1/policy.ts';
import type { ListedExpectation } from '../model/expectation.ts';
import type { Family, Tuple } from '../model/flow.ts';
import { destinationPort, sourcePort } from '../model/expectation.ts';
import { fromWireTuple, toWireTuple } from './flow.ts';

const MAX_PROTO = 255;
const MAX_PORT = 0xffff;
/** NF_CT_HELPER_NAME_LEN. */
const MAX_HELPER = 16;

/** An expectation as a message. Throws TypeError for an invalid address. */
export function toWireExpectation(expectation: ListedExpectation): WireExpectation {
  const { id, family, proto, orig, mask, master, timeoutSeconds, helper, zone, isPermanent } = expectation;
  return {
    id,
    family,
    proto,
    tuple: toWireTuple(orig),
    mask: toWireTuple(mask),
    master: toWireTuple(master.orig),
    masterProto: master.proto,
    timeoutSeconds,
    helper: helper ?? '',
    zone: zone === 0 ? undefined : zone,
    isPermanent,
  };
}

/** The expectation in a message. Throws TypeError if a part is missing, or is none of its family or protocol. */
export function fromWireExpectation(wire: WireExpectation): ListedExpectation {
  const { id, family, proto, masterProto, timeoutSeconds, helper, zone = 0, isPermanent } = wire;
  if (family !== 4 && family !== 6) throw new TypeError(`family ${family} is neither 4 nor 6`);
  if (Math.max(proto, masterProto) > MAX_PROTO) throw new TypeError(`protocol ${Math.max(proto, masterProto)} is above ${MAX_PROTO}`);
  if (zone > MAX_PORT) throw new TypeError(`zone ${zone} is above ${MAX_PORT}`);
  const [orig, mask, master] = [wire.tuple, wire.mask, wire.master].map((tuple) => checked(fromWireTuple(tuple), family)) as [
    Tuple,
    Tuple,
    Tuple,
  ];
  return {
    id,
    family,
    proto,
    orig,
    mask,
    zone,
    master: { family, proto: masterProto, orig: master, zone },
    ...(timeoutSeconds !== undefined && { timeoutSeconds }),
    ...(helper !== '' && { helper: helper.slice(0, MAX_HELPER) }),
    isPermanent,
  };
}

function checked(tuple: Tuple, family: Family): Tuple {
  const port = Math.max(sourcePort(tuple) ?? 0, destinationPort(tuple) ?? 0);
  if (port > MAX_PORT) throw new TypeError(`port ${port} is above ${MAX_PORT}`);
  for (const address of [tuple.src, tuple.dst])
    if (address.includes(':') !== (family === 6)) throw new TypeError(`the address ${address} is not of family ${family}`);
  return tuple;
}
