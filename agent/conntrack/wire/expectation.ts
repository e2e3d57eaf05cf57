import type { FlowKey } from '../../../proto/model/flow.ts';
import { AttributeReader, type AttributeWriter, DecodeError } from '../../netlink/attributes.ts';
import type { Expectation, NewExpectation } from '../table.ts';
import {
  AF_UNSPEC,
  CTA_EXPECT_CLASS,
  CTA_EXPECT_FLAGS,
  CTA_EXPECT_FN,
  CTA_EXPECT_HELP_NAME,
  CTA_EXPECT_ID,
  CTA_EXPECT_MASK,
  CTA_EXPECT_MASTER,
  CTA_EXPECT_NAT,
  CTA_EXPECT_NAT_DIR,
  CTA_EXPECT_NAT_TUPLE,
  CTA_EXPECT_TIMEOUT,
  CTA_EXPECT_TUPLE,
  CTA_EXPECT_ZONE,
  EXPECT_NAMES,
  EXPECT_NAT_NAMES,
  NFGENMSG_LENGTH,
  TUPLE_NAMES,
} from './constants.ts';
import { familyOf } from './entry.ts';
import { addressFamily, bodyOf } from './requests.ts';
import { decodeTuple, encodeTuple, type ProtoTuple } from './tuple.ts';

/** Indexed by IP_CT_DIR_*. */
const DIRECTIONS = ['orig', 'reply'] as const;

/**
 * Decodes the body of an EXP_NEW message. No kernel so far reports the zone, so it is 0 here. Unknown attributes are skipped. Throws
 * DecodeError.
 */
export function decodeExpectation(body: Uint8Array): Expectation {
  const family = familyOf(body, 0, body.length);
  let [tuple, mask, master]: (ProtoTuple | undefined)[] = [];
  const found: Partial<Expectation> = {};
  const attributes = new AttributeReader(body, EXPECT_NAMES, NFGENMSG_LENGTH);
  while (attributes.next()) {
    switch (attributes.type) {
      case CTA_EXPECT_TUPLE:
        tuple = decodeTuple(attributes.nested(TUPLE_NAMES), family, attributes.place);
        break;
      case CTA_EXPECT_MASK:
        mask = decodeTuple(attributes.nested(TUPLE_NAMES), family, attributes.place);
        break;
      case CTA_EXPECT_MASTER:
        master = decodeTuple(attributes.nested(TUPLE_NAMES), family, attributes.place);
        break;
      case CTA_EXPECT_TIMEOUT:
        found.timeoutSeconds = attributes.u32() | 0;
        break; // the kernel reports less than 0 between expiry and removal
      case CTA_EXPECT_ID:
        found.id = attributes.u32();
        break;
      case CTA_EXPECT_HELP_NAME:
        found.helper = attributes.text();
        break;
      case CTA_EXPECT_ZONE:
        found.zone = attributes.u16();
        break;
      case CTA_EXPECT_FLAGS:
        found.flags = attributes.u32();
        break;
      case CTA_EXPECT_CLASS:
        found.class = attributes.u32();
        break;
      case CTA_EXPECT_FN:
        found.fn = attributes.text();
        break;
      case CTA_EXPECT_NAT:
        found.nat = decodeNat(attributes.nested(EXPECT_NAT_NAMES), family, attributes.place);
        break;
    }
  }
  if (!tuple || !mask || !master || found.id === undefined)
    throw new DecodeError('', 'an expectation needs its tuple, its mask, its master and an id');
  const { zone = 0, flags = 0, class: kind = 0, timeoutSeconds, ...rest } = found;
  return {
    ...rest,
    id: found.id,
    family,
    proto: tuple.proto,
    orig: tuple.tuple,
    mask: mask.tuple,
    zone,
    flags,
    class: kind,
    ...(timeoutSeconds !== undefined && { timeoutSeconds: Math.max(0, timeoutSeconds) }),
    master: { family, proto: master.proto, orig: master.tuple, zone },
  };
}

/**
 * Body of an EXP_NEW; the counterpart of decodeExpectation. Without an id it is a request, which the kernel accepts if the master has a
 * helper.
 */
export function encodeExpectation(expectation: NewExpectation & { id?: number }): Uint8Array {
  const { family, proto, orig, mask, master, timeoutSeconds, id, zone, helper, flags, class: kind, nat, fn } = expectation;
  const out = bodyOf(addressFamily(family));
  encodeTuple(out, CTA_EXPECT_TUPLE, { proto, tuple: orig });
  encodeTuple(out, CTA_EXPECT_MASK, { proto, tuple: mask });
  encodeTuple(out, CTA_EXPECT_MASTER, { proto: master.proto, tuple: master.orig });
  if (nat) encodeNat(out, nat);
  if (timeoutSeconds !== undefined) out.u32(CTA_EXPECT_TIMEOUT, timeoutSeconds);
  if (id !== undefined) out.u32(CTA_EXPECT_ID, id);
  if (zone !== 0) out.u16(CTA_EXPECT_ZONE, zone);
  out.u32(CTA_EXPECT_FLAGS, flags);
  out.u32(CTA_EXPECT_CLASS, kind);
  if (helper !== undefined) out.text(CTA_EXPECT_HELP_NAME, helper);
  if (fn !== undefined) out.text(CTA_EXPECT_FN, fn);
  return out.finish();
}

/** Body of a dump: of one flow's expectations, or of all. */
export function encodeExpectationDump(master?: FlowKey): Uint8Array {
  if (!master) return bodyOf(AF_UNSPEC).finish();
  const out = bodyOf(addressFamily(master.family));
  encodeTuple(out, CTA_EXPECT_MASTER, { proto: master.proto, tuple: master.orig });
  if (master.zone !== 0) out.u16(CTA_EXPECT_ZONE, master.zone);
  return out.finish();
}

/**
 * Body of an EXP_GET or EXP_DELETE of exactly one. A delete without a tuple would end all expectations, or all of a helper; the id spares a
 * newer one.
 */
export function encodeExpectationKey({ family, proto, orig, zone, id }: FlowKey): Uint8Array {
  const out = bodyOf(addressFamily(family));
  encodeTuple(out, CTA_EXPECT_TUPLE, { proto, tuple: orig });
  if (zone !== 0) out.u16(CTA_EXPECT_ZONE, zone);
  out.u32(CTA_EXPECT_ID, id);
  return out.finish();
}

function decodeNat(attributes: AttributeReader, family: 4 | 6, place: string): Expectation['nat'] {
  let direction: (typeof DIRECTIONS)[number] | undefined;
  let tuple: ProtoTuple | undefined;
  while (attributes.next()) {
    if (attributes.type === CTA_EXPECT_NAT_DIR) direction = DIRECTIONS[attributes.u32()];
    else if (attributes.type === CTA_EXPECT_NAT_TUPLE) tuple = decodeTuple(attributes.nested(TUPLE_NAMES), family, attributes.place);
  }
  if (!direction || !tuple) throw new DecodeError(place, 'an expected translation needs a direction and a tuple');
  return { direction, ...tuple };
}

function encodeNat(out: AttributeWriter, { direction, proto, tuple }: NonNullable<Expectation['nat']>): void {
  out.nested(CTA_EXPECT_NAT, () => {
    out.u32(CTA_EXPECT_NAT_DIR, DIRECTIONS.indexOf(direction));
    encodeTuple(out, CTA_EXPECT_NAT_TUPLE, { proto, tuple });
  });
}
