import { setHostU32, type AttributeWriter } from '../../netlink/attributes.ts';
import { ANONYMOUS_SET, CONNLIMIT, DATA, DYNSET, EXPRESSION, OBJREF, VERDICT_ATTRIBUTE } from './nf-tables.ts';
import { VERDICT, type Data, type Expression, type RuleVerdict } from './ruleset.ts';

/** Those that we write into rules of our own. */
export type WrittenExpression = Extract<
  Expression,
  { kind: 'immediate' | 'cmp' | 'bitwise' | 'lookup' | 'payload' | 'meta' | 'ct' | 'object' | 'notrack' | 'reject' | 'dynset' | 'chance' }
>;

/**
 * Writes an expression as the content of an element of a list. Pairs with `decodeExpression`.
 * @param setId of a set without a name that is made in the same transaction
 */
export function encodeExpression(out: AttributeWriter, expression: WrittenExpression, setId: (name: string) => number | undefined): void {
  out.text(EXPRESSION.NAME, nameOf(expression));
  if (expression.kind !== 'notrack') out.nested(EXPRESSION.DATA, () => encodeFields(out, expression, setId));
}

function nameOf(expression: WrittenExpression): string {
  if (expression.kind === 'object') return 'objref';
  return expression.kind === 'chance' ? expression.name : expression.kind;
}

function encodeFields(out: AttributeWriter, expression: WrittenExpression, setId: (name: string) => number | undefined): void {
  switch (expression.kind) {
    case 'immediate':
      out.u32(1, register(expression.to));
      out.nested(2, () => encodeData(out, expression.data));
      break;
    case 'cmp':
      out.u32(1, register(expression.from));
      out.u32(2, expression.op);
      out.nested(3, () => encodeData(out, expression));
      break;
    case 'bitwise':
      out.u32(1, register(expression.from));
      out.u32(2, register(expression.to));
      out.u32(3, expression.length);
      for (const [type, value] of [[4, expression.mask] as const, [5, expression.xor] as const])
        if (value) out.nested(type, () => encodeData(out, { value }));
      break;
    case 'lookup': {
      const id = setId(expression.set);
      out.text(1, id === undefined ? expression.set : ANONYMOUS_SET);
      out.u32(2, register(expression.from));
      if (id !== undefined) out.u32(4, id);
      break;
    }
    case 'payload':
      if (expression.to !== undefined) out.u32(1, register(expression.to));
      out.u32(2, expression.base);
      out.u32(3, expression.offset);
      out.u32(4, expression.length);
      break;
    case 'meta':
      if (expression.to !== undefined) out.u32(1, register(expression.to));
      out.u32(2, expression.key);
      break;
    case 'ct':
      if (expression.to !== undefined) out.u32(1, register(expression.to));
      out.u32(2, expression.key);
      if (expression.direction !== undefined) out.u8(3, expression.direction);
      break;
    case 'object':
      out.u32(OBJREF.TYPE, expression.object);
      out.text(OBJREF.NAME, expression.name ?? '');
      break;
    case 'reject':
      out.u32(1, expression.isReset ? 1 : 0);
      out.u8(2, 0);
      break;
    case 'dynset':
      out.text(1, expression.set);
      out.u32(3, 0); // NFT_DYNSET_OP_ADD
      out.u32(4, register(expression.from));
      // Of several in a list, kernels before 5.11 know nothing.
      for (const one of expression.conditions as WrittenExpression[])
        out.nested(DYNSET.EXPRESSION, () => encodeExpression(out, one, setId));
      break;
    case 'chance':
      out.u32(CONNLIMIT.COUNT, expression.limit?.count ?? 0);
      out.u32(CONNLIMIT.FLAGS, expression.limit?.isOver ? CONNLIMIT.INVERTED : 0);
      break;
    case 'notrack':
  }
}

export function encodeData(out: AttributeWriter, data: Data): void {
  if ('value' in data) out.bytes(DATA.VALUE, data.value);
  else out.nested(DATA.VERDICT, () => encodeVerdict(out, data.verdict));
}

const CODES: Readonly<Record<RuleVerdict['kind'], number>> = {
  drop: 0,
  accept: 1,
  stolen: 2,
  queue: 3,
  continue: -1,
  break: -2,
  jump: -3,
  goto: -4,
  return: -5,
};

function encodeVerdict(out: AttributeWriter, verdict: RuleVerdict): void {
  out.u32(VERDICT_ATTRIBUTE.CODE, CODES[verdict.kind]);
  if ('chain' in verdict) out.text(VERDICT_ATTRIBUTE.CHAIN, verdict.chain);
}

/** Registers of 16 bytes are 1 to 4. */
function register(offset: number): number {
  return offset === VERDICT ? 0 : offset / 16 + 1;
}

/** What a register holds of a number of the kernel's own, such as a mark: in the host's order. */
export function hostBytes(value: number): Uint8Array {
  const bytes = new Uint8Array(4);
  setHostU32(bytes, 0, value);
  return bytes;
}
