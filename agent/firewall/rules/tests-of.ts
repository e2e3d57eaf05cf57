import { BITWISE, META, PAYLOAD, CT, FIB_FLAG, FIB_RESULT } from './nf-tables.ts';
import type { Expression, Rule, RuleSet } from './ruleset.ts';

/** What a register holds: bytes of something that rules ask for, of which a mask may have left some bits. */
export interface Operand {
  /** Of a payload its header, of others the key. */
  of: 'payload' | 'meta' | 'ct' | 'fib' | 'other';
  /** PAYLOAD for payloads, META, CT; FIB_RESULT for fib. */
  key: number;
  /** In bytes, within the header. */
  offset: number;
  length: number;
  /** Direction of an entry, flags of fib. */
  detail?: number;
  /** What the rule itself puts there; `of` is other. */
  constant?: Uint8Array;
  mask?: Uint8Array;
  xor?: Uint8Array;
}

/** One thing that a rule asks, or uses: `set` and `map` ask whether a value is in a set, `use` only takes it. */
export type Test =
  | { kind: 'compare'; operand: Operand; op: number; value: Uint8Array }
  | { kind: 'range'; operand: Operand; isInverted: boolean; low: Uint8Array; high: Uint8Array }
  | { kind: 'lookup'; operands: Operand[]; set: string; isInverted: boolean; isMap: boolean }
  | { kind: 'use'; operand: Operand; by: Expression }
  /** `operand`: what begins the element that the rule adds to a set. */
  | { kind: 'other'; expression: Expression; operand?: Operand };

const SLOTS = 16;
const UNKNOWN: Operand = { of: 'other', key: 0, offset: 0, length: 4 };

/** What a rule asks, in order, with the values of its registers by name. It needs no packet. `setOf` gives a set of the rule's table. */
export function testsOf({ expressions }: Pick<Rule, 'expressions'>, setOf: (name: string) => RuleSet | undefined): Test[] {
  const slots: (Operand | undefined)[] = Array.from({ length: SLOTS });
  const tests: Test[] = [];
  const put = (to: number, operand: Operand | undefined): void => {
    for (let slot = to >> 2; slot < SLOTS && slot < (to + (operand?.length ?? 4) + 3) >> 2; slot++)
      slots[slot] = slot === to >> 2 ? operand : undefined;
  };
  const get = (from: number): Operand | undefined => slots[from >> 2];
  for (const expression of expressions) {
    switch (expression.kind) {
      case 'payload':
        if (expression.to !== undefined)
          put(expression.to, { of: 'payload', key: expression.base, offset: expression.offset, length: expression.length });
        else tests.push({ kind: 'use', operand: get(expression.from!) ?? UNKNOWN, by: expression });
        break;
      case 'meta':
        if (expression.to !== undefined)
          put(expression.to, { of: 'meta', key: expression.key, offset: 0, length: lengthOfMeta(expression.key) });
        else tests.push({ kind: 'use', operand: get(expression.from!) ?? UNKNOWN, by: expression });
        break;
      case 'ct':
        if (expression.to !== undefined)
          put(expression.to, {
            of: 'ct',
            key: expression.key,
            offset: 0,
            length: lengthOfCt(expression.key),
            detail: expression.direction,
          });
        else tests.push({ kind: 'use', operand: get(expression.from!) ?? UNKNOWN, by: expression });
        break;
      case 'fib':
        put(expression.to, {
          of: 'fib',
          key: expression.result,
          offset: 0,
          length: expression.result === FIB_RESULT.OIFNAME && !(expression.flags & FIB_FLAG.PRESENT) ? 16 : 4,
          detail: expression.flags,
        });
        break;
      case 'bitwise': {
        const operand = get(expression.from);
        const isMask = expression.op === BITWISE.MASK_XOR && operand && !operand.mask;
        if (operand && !isMask) tests.push({ kind: 'use', operand, by: expression });
        if (expression.from2 !== undefined) tests.push({ kind: 'use', operand: get(expression.from2) ?? UNKNOWN, by: expression });
        put(
          expression.to,
          isMask
            ? { ...operand, length: expression.length, mask: expression.mask, xor: expression.xor }
            : operand && { ...operand, length: expression.length, mask: undefined },
        );
        break;
      }
      case 'byteorder':
        put(expression.to, get(expression.from));
        break;
      case 'immediate':
        if ('value' in expression.data) put(expression.to, constantOf(expression.data.value));
        tests.push({ kind: 'other', expression });
        break;
      case 'cmp':
        tests.push({ kind: 'compare', operand: get(expression.from) ?? UNKNOWN, op: expression.op, value: expression.value });
        break;
      case 'range':
        tests.push({
          kind: 'range',
          operand: get(expression.from) ?? UNKNOWN,
          isInverted: expression.isInverted,
          low: expression.low,
          high: expression.high,
        });
        break;
      case 'lookup': {
        const set = setOf(expression.set);
        const operands: Operand[] = [];
        for (let at = expression.from, left = set?.keyLength ?? 4, field = 0; left > 0; field++) {
          const operand = get(at) ?? UNKNOWN;
          const length = Math.max(1, set?.fields[field] ?? Math.min(left, operand.length));
          operands.push(operand);
          at += (length + 3) & ~3;
          left -= (length + 3) & ~3;
        }
        tests.push({
          kind: 'lookup',
          operands,
          set: expression.set,
          isInverted: expression.isInverted,
          isMap: expression.to !== undefined,
        });
        if (expression.to !== undefined && expression.to >= 0) put(expression.to, undefined);
        break;
      }
      default:
        if (expression.kind === 'number') put(expression.to, undefined);
        tests.push({ kind: 'other', expression, ...(expression.kind === 'dynset' && { operand: get(expression.from) }) });
    }
  }
  return tests;
}

function constantOf(constant: Uint8Array): Operand {
  return { of: 'other', key: 0, offset: 0, length: constant.length, constant };
}

function lengthOfMeta(key: number): number {
  if (key === META.IIFNAME || key === META.OIFNAME || key === META.SDIFNAME) return 16;
  return key === META.L4PROTO || key === META.NFPROTO || key === META.PKTTYPE || key === META.SECPATH ? 1 : key === META.PROTOCOL ? 2 : 4;
}

function lengthOfCt(key: number): number {
  switch (key) {
    case CT.SRC_IP6:
    case CT.DST_IP6:
    case CT.HELPER:
    case CT.SRC:
    case CT.DST:
      return 16;
    case CT.PROTO_SRC:
    case CT.PROTO_DST:
    case CT.ZONE:
      return 2;
    case CT.DIRECTION:
    case CT.L3PROTOCOL:
    case CT.PROTOCOL:
      return 1;
    default:
      return 4;
  }
}

/** The bytes of the network header that are an address, by where they begin: IPv4's and IPv6's do not begin at the same place. */
export const ADDRESS_AT: Readonly<Record<number, { side: 'src' | 'dst'; length: 4 | 16 }>> = {
  12: { side: 'src', length: 4 },
  16: { side: 'dst', length: 4 },
  8: { side: 'src', length: 16 },
  24: { side: 'dst', length: 16 },
};

/** The address that a payload begins at. IPv4's time to live is also at 8, alone. */
export function addressAt({ of, key, offset, length }: Operand): { side: 'src' | 'dst'; length: 4 | 16 } | undefined {
  if (of !== 'payload' || key !== PAYLOAD.NETWORK || (offset === 8 && length === 1)) return undefined;
  return ADDRESS_AT[offset];
}
