import { AttributeReader, networkU32 } from '../../netlink/attributes.ts';
import { HELPER_OBJECT, OBJECT, OBJECT_ATTRIBUTE, TIMEOUT_OBJECT } from './nf-tables.ts';
import type { RuleObject } from './ruleset.ts';

/** struct nfgenmsg: family, version, resource. */
const HEADER = 4;

/** A helper or timeout object; undefined for any other. Throws DecodeError. */
export function decodeObject(body: Uint8Array): RuleObject | undefined {
  const object: RuleObject = { family: body[0] ?? 0, table: '', name: '', kind: OBJECT.UNKNOWN };
  let data: AttributeReader | undefined;
  const attributes = new AttributeReader(body, {}, HEADER);
  while (attributes.next()) {
    if (attributes.type === OBJECT_ATTRIBUTE.TABLE) object.table = attributes.text();
    else if (attributes.type === OBJECT_ATTRIBUTE.NAME) object.name = attributes.text();
    else if (attributes.type === OBJECT_ATTRIBUTE.TYPE) object.kind = attributes.u32();
    else if (attributes.type === OBJECT_ATTRIBUTE.DATA) data = attributes.nested();
  }
  if (object.kind === OBJECT.HELPER) return { ...object, ...helperOf(data) };
  if (object.kind === OBJECT.TIMEOUT) return { ...object, ...timeoutOf(data) };
  return undefined;
}

function helperOf(data: AttributeReader | undefined): Pick<RuleObject, 'helper' | 'proto'> {
  const found: Pick<RuleObject, 'helper' | 'proto'> = {};
  while (data?.next()) {
    if (data.type === HELPER_OBJECT.NAME) found.helper = data.text();
    else if (data.type === HELPER_OBJECT.L4PROTO) found.proto = data.u8();
  }
  return found;
}

function timeoutOf(data: AttributeReader | undefined): Pick<RuleObject, 'proto' | 'timeouts'> {
  const timeouts: Record<number, number> = {};
  let proto: number | undefined;
  while (data?.next()) {
    if (data.type === TIMEOUT_OBJECT.L4PROTO) proto = data.u8();
    else if (data.type === TIMEOUT_OBJECT.DATA)
      for (const values = data.nested(); values.next();) timeouts[values.type] = networkU32(values.bytes(4), 0);
  }
  return { proto, timeouts };
}
