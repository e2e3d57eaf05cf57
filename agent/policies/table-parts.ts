import { PROTOCOLS } from '../../proto/model/protocol.ts';
import { AttributeWriter } from '../netlink/attributes.ts';
import { NLM_F_CREATE } from '../netlink/constants.ts';
import { NFT_MSG, OBJECT, OBJECT_ATTRIBUTE, SET, SET_DESCRIPTION, SET_FLAG, TABLE, TIMEOUT_OBJECT } from '../firewall/rules/nf-tables.ts';
import { FAMILY } from '../firewall/rules/ruleset.ts';
import type { NfChange } from '../firewall/tables/nf-batch.ts';
import { STATE_NUMBERS } from './ct-timeout.ts';
import { POLICY_TABLE, type CtTimeout, type LimitSet } from './policy-table.ts';

/**
 * What rules of ours refer to and JSON of nft 1.0.6 cannot say: it knows no dynamic sets, and forgets the times of a timeout. They are made
 * by netlink, and by commands where there is only nft.
 */
export interface TableParts {
  timeouts: readonly CtTimeout[];
  limits: readonly LimitSet[];
}

/** Elements of a limit set: addresses with connections. For further ones there is no limit. */
const MAX_ADDRESSES = 65_535;
/** nft's numbers of types (enum datatypes in its include/datatype.h), by which it lists a set; and bytes. */
const ADDRESS = { 4: { type: 7, bytes: 4 }, 6: { type: 8, bytes: 16 } } as const;

/** Makes parts, and the table if it is not there. Those that are there stay as they are. */
export function madeParts({ timeouts, limits }: TableParts, table: string = POLICY_TABLE.table): NfChange[] {
  const made = timeouts.length + limits.length === 0 ? [] : [change(NFT_MSG.NEWTABLE, (out) => out.text(TABLE.NAME, table))];
  return [
    ...made,
    ...timeouts.map((timeout) => change(NFT_MSG.NEWOBJ, (out) => writeTimeout(out, table, timeout))),
    ...limits.map((limit, index) => change(NFT_MSG.NEWSET, (out) => writeSet(out, table, limit, index + 1))),
  ];
}

/** Removes a part to which no rule refers any more. */
export function removedPart(kind: 'set' | 'ct timeout', name: string): NfChange {
  if (kind === 'set')
    return change(NFT_MSG.DELSET, (out) => {
      out.text(SET.TABLE, POLICY_TABLE.table);
      out.text(SET.NAME, name);
    });
  return change(NFT_MSG.DELOBJ, (out) => {
    out.text(OBJECT_ATTRIBUTE.TABLE, POLICY_TABLE.table);
    out.text(OBJECT_ATTRIBUTE.NAME, name);
    out.u32(OBJECT_ATTRIBUTE.TYPE, OBJECT.TIMEOUT);
  });
}

/** The same as commands for `nft -f`; empty if there are none. Numbers and words of ours are all that is in them. */
export function partsText({ timeouts, limits }: TableParts): string {
  if (timeouts.length + limits.length === 0) return '';
  const table = `${POLICY_TABLE.family} ${POLICY_TABLE.table}`;
  const states = ({ seconds }: CtTimeout): string =>
    Object.entries(seconds)
      .map(([state, value]) => `${state} : ${value}`)
      .join(', ');
  return [
    `add table ${table}`,
    ...timeouts.map(
      (one) =>
        `add ct timeout ${table} ${one.name} { protocol ${one.proto}; l3proto ${POLICY_TABLE.family}; policy = { ${states(one)} }; }`,
    ),
    ...limits.map(({ name, family }) => `add set ${table} ${name} { type ipv${family}_addr; size ${MAX_ADDRESSES}; flags dynamic; }`),
    '',
  ].join('\n');
}

function writeTimeout(out: AttributeWriter, table: string, { name, proto, seconds }: CtTimeout): void {
  out.text(OBJECT_ATTRIBUTE.TABLE, table);
  out.text(OBJECT_ATTRIBUTE.NAME, name);
  out.u32(OBJECT_ATTRIBUTE.TYPE, OBJECT.TIMEOUT);
  out.nested(OBJECT_ATTRIBUTE.DATA, () => {
    out.u16(TIMEOUT_OBJECT.L3PROTO, FAMILY[POLICY_TABLE.family]);
    out.u8(TIMEOUT_OBJECT.L4PROTO, PROTOCOLS[proto]);
    out.nested(TIMEOUT_OBJECT.DATA, () => {
      for (const [state, value] of Object.entries(seconds)) out.u32(STATE_NUMBERS[proto][state]!, value);
    });
  });
}

/** `id`: by which a rule of the same transaction could refer to it; the kernel demands one. */
function writeSet(out: AttributeWriter, table: string, { name, family }: LimitSet, id: number): void {
  out.text(SET.TABLE, table);
  out.text(SET.NAME, name);
  out.u32(SET.FLAGS, SET_FLAG.EVAL);
  out.u32(SET.KEY_TYPE, ADDRESS[family].type);
  out.u32(SET.KEY_LENGTH, ADDRESS[family].bytes);
  out.u32(SET.ID, id);
  out.nested(SET.DESCRIPTION, () => out.u32(SET_DESCRIPTION.SIZE, MAX_ADDRESSES));
}

function change(type: number, write: (out: AttributeWriter) => void): NfChange {
  const out = new AttributeWriter();
  write(out);
  return { type, flags: NLM_F_CREATE, family: FAMILY[POLICY_TABLE.family], attributes: out.finish() };
}
