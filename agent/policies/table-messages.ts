import { AttributeWriter } from '../netlink/attributes.ts';
import { NLM_F_APPEND, NLM_F_CREATE } from '../netlink/constants.ts';
import { encodeData, encodeExpression } from '../firewall/rules/encode-expression.ts';
import {
  ANONYMOUS_SET,
  CHAIN,
  ELEMENT,
  ELEMENTS,
  ELEMENT_FLAG,
  FLOWTABLE,
  HELPER_OBJECT,
  HOOK,
  INET_HOOK,
  LIST_ELEMENT,
  NFT_MSG,
  OBJECT,
  OBJECT_ATTRIBUTE,
  POLICY_ACCEPT,
  RULE,
  SET,
  SET_DESCRIPTION,
  SET_FLAG,
  SET_USERDATA,
  TABLE,
  USERDATA_COMMENT,
} from '../firewall/rules/nf-tables.ts';
import { FAMILY } from '../firewall/rules/ruleset.ts';
import type { NfChange } from '../firewall/tables/nf-batch.ts';
import { PROTOCOLS } from '../../proto/model/protocol.ts';
import { order } from '../firewall/rules/bits.ts';
import { POLICY_TABLE, type CtHelper, type PolicyChain, type PolicyTable, type TableRule } from './policy-table.ts';
import { following, programOf, type Interval, type KeyKind, type ValueSet } from './rule-program.ts';
import { madeParts, removedPart } from './table-parts.ts';
import type { PresentNames } from './read-ruleset.ts';

/** A list of attributes has 64 KiB at most. */
const ELEMENTS_OF_A_MESSAGE = 400;

/** nft's numbers of types (enum datatypes in its include/datatype.h) and of byte orders, by which it lists values; and their bytes. */
const KEYS: Readonly<Record<KeyKind, { type: number; byteOrder: number; bytes: number }>> = {
  ipv4: { type: 7, byteOrder: 2, bytes: 4 },
  ipv6: { type: 8, byteOrder: 2, bytes: 16 },
  port: { type: 13, byteOrder: 2, bytes: 2 },
  interface: { type: 41, byteOrder: 1, bytes: 16 },
};

/**
 * The one transaction that turns what is there into this table, whoever made it; a limit set of the same name stays, with what it has
 * counted. What is there and not ours goes too, but for timeouts, which flows may hold: those of ours to which no rule refers any more are
 * left, and may be removed afterwards.
 */
export function replacement(table: PolicyTable, present: PresentNames | undefined): NfChange[] {
  const isKept = (set: PresentNames['sets'][number]): boolean =>
    table.limits.some(({ name, family }) => name === set.name && family === set.family);
  const isThere = (list: 'timeouts' | 'helpers', name: string): boolean => present?.[list].includes(name) ?? false;
  const messages = new Messages();
  return [
    change(NFT_MSG.NEWTABLE, (out) => out.text(TABLE.NAME, POLICY_TABLE.table)),
    // Without a chain: all rules of the table.
    change(NFT_MSG.DELRULE, (out) => out.text(RULE.TABLE, POLICY_TABLE.table)),
    ...(present?.others ?? []).map(removedOther),
    ...(present?.sets ?? []).filter((set) => !isKept(set)).map(({ name }) => removedPart('set', name)),
    ...(present?.chains ?? []).map((name) => change(NFT_MSG.DELCHAIN, (out) => writeChainName(out, name))),
    ...madeParts({
      timeouts: table.timeouts.filter(({ name }) => !isThere('timeouts', name)),
      limits: table.limits.filter(({ name }) => !present?.sets.some((set) => set.name === name && isKept(set))),
    }),
    ...table.helpers.filter(({ name }) => !isThere('helpers', name)).map(madeHelper),
    ...table.chains.map(madeChain),
    ...table.chains.flatMap(({ name, rules }) => rules.flatMap((rule) => messages.ofRule(name, rule))),
    ...(present?.helpers ?? []).filter((name) => !table.helpers.some((helper) => helper.name === name)).map(removedHelper),
  ];
}

/** The table as a whole. */
export function removedTable(): NfChange {
  return change(NFT_MSG.DELTABLE, (out) => out.text(TABLE.NAME, POLICY_TABLE.table));
}

function removedHelper(name: string): NfChange {
  return removedObject(OBJECT.HELPER, name);
}

function removedObject(kind: number, name: string): NfChange {
  return change(NFT_MSG.DELOBJ, (out) => {
    out.text(OBJECT_ATTRIBUTE.TABLE, POLICY_TABLE.table);
    out.text(OBJECT_ATTRIBUTE.NAME, name);
    out.u32(OBJECT_ATTRIBUTE.TYPE, kind);
  });
}

function removedOther({ kind, name }: PresentNames['others'][number]): NfChange {
  switch (kind) {
    case 'map':
      return removedPart('set', name);
    case 'flowtable':
      return change(NFT_MSG.DELFLOWTABLE, (out) => {
        out.text(FLOWTABLE.TABLE, POLICY_TABLE.table);
        out.text(FLOWTABLE.NAME, name);
      });
    case 'counter':
    case 'quota':
    case 'limit':
      return removedObject({ counter: OBJECT.COUNTER, quota: OBJECT.QUOTA, limit: OBJECT.LIMIT }[kind], name);
  }
}

function madeHelper({ name, type, proto }: CtHelper): NfChange {
  return change(NFT_MSG.NEWOBJ, (out) => {
    out.text(OBJECT_ATTRIBUTE.TABLE, POLICY_TABLE.table);
    out.text(OBJECT_ATTRIBUTE.NAME, name);
    out.u32(OBJECT_ATTRIBUTE.TYPE, OBJECT.HELPER);
    out.nested(OBJECT_ATTRIBUTE.DATA, () => {
      out.text(HELPER_OBJECT.NAME, type);
      out.u16(HELPER_OBJECT.L3PROTO, FAMILY[POLICY_TABLE.family]);
      out.u8(HELPER_OBJECT.L4PROTO, PROTOCOLS[proto]);
    });
  });
}

function madeChain({ name, base }: PolicyChain): NfChange {
  return change(NFT_MSG.NEWCHAIN, (out) => {
    writeChainName(out, name);
    if (!base) return;
    out.text(CHAIN.TYPE, 'filter');
    out.u32(CHAIN.POLICY, POLICY_ACCEPT);
    out.nested(CHAIN.HOOK, () => {
      out.u32(HOOK.NUMBER, INET_HOOK[base.hook]);
      out.u32(HOOK.PRIORITY, base.priority);
    });
  });
}

function writeChainName(out: AttributeWriter, name: string): void {
  out.text(CHAIN.TABLE, POLICY_TABLE.table);
  out.text(CHAIN.NAME, name);
}

/** Numbers the sets without a name, by which the rules of one transaction refer to them. */
class Messages {
  /** Beyond those of `madeParts`. */
  #lastId = 1_000_000;

  /** Its sets come first. */
  ofRule(chain: string, rule: TableRule): NfChange[] {
    const { expressions, sets } = programOf(rule);
    const ids = new Map(sets.map(({ name }) => [name, ++this.#lastId]));
    const made = sets.flatMap((set) => madeSet(set, ids.get(set.name)!));
    const changed = change(NFT_MSG.NEWRULE, (out) => {
      out.text(RULE.TABLE, POLICY_TABLE.table);
      out.text(RULE.CHAIN, chain);
      out.nested(RULE.EXPRESSIONS, () => {
        for (const one of expressions) out.nested(LIST_ELEMENT, () => encodeExpression(out, one, (name) => ids.get(name)));
      });
      if (rule.comment !== undefined) out.bytes(RULE.USERDATA, commentData(rule.comment));
    });
    return [...made, { ...changed, flags: NLM_F_CREATE | NLM_F_APPEND }];
  }
}

/** As nft keeps a comment: type, length, text with its NUL. */
function commentData(comment: string): Uint8Array {
  const text = Buffer.from(`${comment}\0`);
  return Buffer.concat([Uint8Array.of(USERDATA_COMMENT, text.length), text]);
}

function madeSet({ kind, intervals }: ValueSet, id: number): NfChange[] {
  const { type, byteOrder, bytes } = KEYS[kind];
  const hasIntervals = intervals.some(({ low, high }) => order(low, high) !== 0);
  const elements = hasIntervals ? endsOf(intervals, bytes) : intervals.map(({ low }) => ({ key: low, isEnd: false }));
  const head = change(NFT_MSG.NEWSET, (out) => {
    out.text(SET.TABLE, POLICY_TABLE.table);
    out.text(SET.NAME, ANONYMOUS_SET);
    out.u32(SET.FLAGS, SET_FLAG.ANONYMOUS | SET_FLAG.CONSTANT | (hasIntervals ? SET_FLAG.INTERVAL : 0));
    out.u32(SET.KEY_TYPE, type);
    out.u32(SET.KEY_LENGTH, bytes);
    out.u32(SET.ID, id);
    out.nested(SET.DESCRIPTION, () => out.u32(SET_DESCRIPTION.SIZE, elements.length));
    out.bytes(SET.USERDATA, Uint8Array.of(SET_USERDATA.KEY_BYTE_ORDER, 4, byteOrder, 0, 0, 0));
  });
  const made = [head];
  for (let at = 0; at < elements.length; at += ELEMENTS_OF_A_MESSAGE)
    made.push(change(NFT_MSG.NEWSETELEM, (out) => writeElements(out, elements.slice(at, at + ELEMENTS_OF_A_MESSAGE), id)));
  return made;
}

interface SetEnd {
  key: Uint8Array;
  isEnd: boolean;
}

/** The kernel keeps the first value of an interval and, as an element of its own, the one behind the last; nft begins with an end. */
function endsOf(intervals: readonly Interval[], bytes: number): SetEnd[] {
  const ends = intervals.flatMap(({ low, high }): SetEnd[] => {
    const behind = following(high);
    return [{ key: low, isEnd: false }, ...(behind ? [{ key: behind, isEnd: true }] : [])];
  });
  const zero = new Uint8Array(bytes);
  return order(ends[0]!.key, zero) === 0 ? ends : [{ key: zero, isEnd: true }, ...ends];
}

function writeElements(out: AttributeWriter, elements: readonly SetEnd[], id: number): void {
  out.text(ELEMENTS.TABLE, POLICY_TABLE.table);
  out.text(ELEMENTS.SET, ANONYMOUS_SET);
  out.u32(ELEMENTS.SET_ID, id);
  out.nested(ELEMENTS.ELEMENTS, () => {
    for (const { key, isEnd } of elements)
      out.nested(LIST_ELEMENT, () => {
        if (isEnd) out.u32(ELEMENT.FLAGS, ELEMENT_FLAG.INTERVAL_END);
        out.nested(ELEMENT.KEY, () => encodeData(out, { value: key }));
      });
  });
}

function change(type: number, write: (out: AttributeWriter) => void): NfChange {
  const out = new AttributeWriter();
  write(out);
  return { type, flags: NLM_F_CREATE, family: FAMILY[POLICY_TABLE.family], attributes: out.finish() };
}
