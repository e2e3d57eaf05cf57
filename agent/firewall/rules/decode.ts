import { AttributeReader, DecodeError } from '../../netlink/attributes.ts';
import { decodeConditions, decodeData, decodeExpression, fitting, isQuiet, nameOf, valueOf } from './decode-expression.ts';
import {
  CHAIN,
  ELEMENT,
  ELEMENTS,
  ELEMENT_FLAG,
  HOOK,
  RULE,
  SET,
  SET_DESCRIPTION,
  TABLE,
  TABLE_DORMANT,
  USERDATA_COMMENT,
} from './nf-tables.ts';
import type { BaseChain, Chain, Data, Expression, Rule } from './ruleset.ts';

/** struct nfgenmsg: family, version, resource. */
const HEADER = 4;
const POLICY_DROP = 0;
/** Seconds within which an element that ends by itself may be gone before the rules are read again. */
const ENDING_SECONDS = 90n;

export function decodeTable(body: Uint8Array): { family: number; name: string; isDormant: boolean } {
  const table = { family: familyOf(body), name: '', isDormant: false };
  const attributes = new AttributeReader(body, {}, HEADER);
  while (attributes.next()) {
    if (attributes.type === TABLE.NAME) table.name = attributes.text();
    else if (attributes.type === TABLE.FLAGS) table.isDormant = (attributes.u32() & TABLE_DORMANT) !== 0;
  }
  return table;
}

export function decodeChain(body: Uint8Array): Chain {
  const chain: Chain = { family: familyOf(body), table: '', name: '', rules: [] };
  const base: BaseChain = { type: 'filter', hook: 0, priority: 0, drops: false, devices: [] };
  const attributes = new AttributeReader(body, {}, HEADER);
  while (attributes.next()) {
    switch (attributes.type) {
      case CHAIN.TABLE:
        chain.table = attributes.text();
        break;
      case CHAIN.NAME:
        chain.name = attributes.text();
        break;
      case CHAIN.TYPE:
        base.type = attributes.text();
        break;
      case CHAIN.POLICY:
        base.drops = attributes.u32() === POLICY_DROP;
        break;
      case CHAIN.HOOK: {
        chain.base = base;
        const hook = attributes.nested();
        while (hook.next()) {
          if (hook.type === HOOK.NUMBER) base.hook = hook.u32();
          else if (hook.type === HOOK.PRIORITY) base.priority = hook.u32() | 0;
          else if (hook.type === HOOK.DEVICE) base.devices.push(hook.text());
          else if (hook.type === HOOK.DEVICES) for (const devices = hook.nested(); devices.next();) base.devices.push(devices.text());
        }
      }
    }
  }
  return chain;
}

export function decodeRule(body: Uint8Array): Rule & { family: number; table: string; chain: string } {
  const rule = { family: familyOf(body), table: '', chain: '', handle: 0, expressions: [] as Expression[] } as ReturnType<
    typeof decodeRule
  >;
  const attributes = new AttributeReader(body, {}, HEADER);
  while (attributes.next()) {
    switch (attributes.type) {
      case RULE.TABLE:
        rule.table = attributes.text();
        break;
      case RULE.CHAIN:
        rule.chain = attributes.text();
        break;
      case RULE.HANDLE:
        rule.handle = Number(attributes.u64());
        break;
      case RULE.EXPRESSIONS:
        for (const list = attributes.nested(); list.next();) rule.expressions.push(decodeExpression(list.nested()));
        break;
      case RULE.USERDATA:
        rule.comment = commentOf(attributes.bytes());
        break;
    }
  }
  return rule;
}

export interface SetHead {
  family: number;
  table: string;
  name: string;
  flags: number;
  keyLength: number;
  fields: number[];
  /** The most elements it can have; 0 without limit. */
  size: number;
  /** Of a map of objects, what they are. */
  object?: number;
  /** What it applies to each element that packets add. */
  conditions: Expression[];
}

export function decodeSet(body: Uint8Array): SetHead {
  const set: SetHead = { family: familyOf(body), table: '', name: '', flags: 0, keyLength: 0, fields: [], size: 0, conditions: [] };
  const attributes = new AttributeReader(body, {}, HEADER);
  while (attributes.next()) {
    switch (attributes.type) {
      case SET.TABLE:
        set.table = attributes.text();
        break;
      case SET.NAME:
        set.name = attributes.text();
        break;
      case SET.FLAGS:
        set.flags = attributes.u32();
        break;
      case SET.KEY_LENGTH:
        set.keyLength = fitting(attributes.u32(), 'the key of a set');
        break;
      case SET.OBJECT_TYPE:
        set.object = attributes.u32();
        break;
      case SET.EXPRESSION:
        set.conditions = decodeConditions(attributes.nested(), undefined);
        break;
      case SET.EXPRESSIONS:
        set.conditions = decodeConditions(undefined, attributes.nested());
        break;
      case SET.DESCRIPTION:
        for (const description = attributes.nested(); description.next();) {
          if (description.type === SET_DESCRIPTION.SIZE) set.size = description.u32();
          else if (description.type === SET_DESCRIPTION.CONCAT)
            for (const list = description.nested(); list.next();)
              for (const field = list.nested(); field.next();) set.fields.push(field.u32());
        }
    }
  }
  return set;
}

export interface SetElement {
  key?: Uint8Array;
  end?: Uint8Array;
  data?: Data;
  isEnd: boolean;
  isCatchAll: boolean;
  isEnding: boolean;
  hasConditions: boolean;
}

/** The elements in one message. What they hold are views of it. */
export function* decodeElements(body: Uint8Array): Generator<SetElement, void, void> {
  const attributes = new AttributeReader(body, {}, HEADER);
  while (attributes.next()) {
    if (attributes.type !== ELEMENTS.ELEMENTS) continue;
    for (const list = attributes.nested(); list.next();) yield decodeElement(list.nested());
  }
}

/** Which set a message with elements is about. */
export function decodeElementsHead(body: Uint8Array): { family: number; table: string; set: string } {
  const head = { family: familyOf(body), table: '', set: '' };
  const attributes = new AttributeReader(body, {}, HEADER);
  while (attributes.next()) {
    if (attributes.type === ELEMENTS.TABLE) head.table = attributes.text();
    else if (attributes.type === ELEMENTS.SET) head.set = attributes.text();
  }
  return head;
}

function decodeElement(attributes: AttributeReader): SetElement {
  const element: SetElement = { isEnd: false, isCatchAll: false, isEnding: false, hasConditions: false };
  while (attributes.next()) {
    switch (attributes.type) {
      case ELEMENT.KEY:
        element.key = valueOf(attributes.nested());
        break;
      case ELEMENT.KEY_END:
        element.end = valueOf(attributes.nested());
        break;
      case ELEMENT.DATA:
        element.data = decodeData(attributes.nested());
        break;
      case ELEMENT.EXPIRATION:
        element.isEnding = attributes.u64() < ENDING_SECONDS * 1000n;
        break;
      case ELEMENT.FLAGS: {
        const flags = attributes.u32();
        element.isEnd = (flags & ELEMENT_FLAG.INTERVAL_END) !== 0;
        element.isCatchAll = (flags & ELEMENT_FLAG.CATCH_ALL) !== 0;
        break;
      }
      case ELEMENT.EXPRESSION:
        element.hasConditions ||= !isQuiet(nameOf(attributes.nested()));
        break;
      case ELEMENT.EXPRESSIONS:
        for (const list = attributes.nested(); list.next();) element.hasConditions ||= !isQuiet(nameOf(list.nested()));
        break;
    }
  }
  return element;
}

/** A comment in the user data that nft keeps with a rule. */
function commentOf(bytes: Uint8Array): string | undefined {
  for (let at = 0; at + 2 <= bytes.length; at += 2 + bytes[at + 1]!) {
    if (bytes[at] === USERDATA_COMMENT) return new TextDecoder().decode(bytes.subarray(at + 2, at + 1 + bytes[at + 1]!));
  }
  return undefined;
}

function familyOf(body: Uint8Array): number {
  if (body.length < HEADER) throw new DecodeError('', `${body.length} bytes are no message of nf_tables`);
  return body[0]!;
}
