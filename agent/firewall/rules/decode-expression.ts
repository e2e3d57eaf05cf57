import { AttributeReader, DecodeError } from '../../netlink/attributes.ts';
import { BITWISE, CONNLIMIT, DATA, DYNSET, EXPRESSION, OBJECT, OBJREF, VERDICT_ATTRIBUTE } from './nf-tables.ts';
import { VERDICT, type CountLimit, type Data, type Expression, type RuleVerdict } from './ruleset.ts';

export function decodeData(attributes: AttributeReader): Data {
  while (attributes.next()) {
    if (attributes.type === DATA.VALUE) return { value: attributes.bytes().slice() };
    if (attributes.type === DATA.VERDICT) return { verdict: decodeVerdict(attributes.nested()) };
  }
  throw new DecodeError(attributes.place, 'neither a value nor a verdict');
}

const VERDICTS: Record<number, Exclude<RuleVerdict['kind'], 'jump' | 'goto'>> = {
  0: 'drop',
  1: 'accept',
  2: 'stolen',
  3: 'queue',
  [-1]: 'continue',
  [-2]: 'break',
  [-5]: 'return',
};

function decodeVerdict(attributes: AttributeReader): RuleVerdict {
  let [code, chain] = [0, ''];
  while (attributes.next()) {
    if (attributes.type === VERDICT_ATTRIBUTE.CODE) code = attributes.u32() | 0;
    else if (attributes.type === VERDICT_ATTRIBUTE.CHAIN) chain = attributes.text();
  }
  if (code === -3 || code === -4) return { kind: code === -3 ? 'jump' : 'goto', chain };
  return { kind: VERDICTS[code] ?? 'queue' };
}

export function valueOf(attributes: AttributeReader): Uint8Array {
  const data = decodeData(attributes);
  return 'value' in data ? data.value : new Uint8Array(0);
}

/** NFT_REG32_15, and what all registers hold together (NFT_DATA_VALUE_MAXLEN). */
const LAST_REGISTER = 23;
const MAX_LENGTH = 64;

export function fitting(length: number, place: string): number {
  if (length > MAX_LENGTH) throw new DecodeError(place, `${length} bytes fit into no register`);
  return length;
}

/** The attributes of an expression, as far as they are numbers or bytes. */
class Fields {
  readonly #readers = new Map<number, AttributeReader>();
  readonly #bytes = new Map<number, Uint8Array>();

  constructor(attributes: AttributeReader | undefined) {
    while (attributes?.next()) {
      this.#readers.set(attributes.type, attributes.nested());
      this.#bytes.set(attributes.type, attributes.bytes());
    }
  }

  has(type: number): boolean {
    return this.#bytes.has(type);
  }

  /** Throws DecodeError for what is wider than any number of the kernel. */
  number(type: number): number {
    const bytes = this.#bytes.get(type);
    if (bytes && bytes.length > 8) throw new DecodeError(`attribute ${type}`, `${bytes.length} bytes are no number`);
    return bytes?.reduce((sum, byte) => sum * 256 + byte, 0) ?? 0;
  }

  /** Bytes that fit into the registers. Throws DecodeError. */
  length(type: number): number {
    return fitting(this.number(type), `attribute ${type}`);
  }

  bytes(type: number): Uint8Array {
    return (this.#bytes.get(type) ?? new Uint8Array(0)).slice();
  }

  text(type: number): string {
    const bytes = this.bytes(type);
    const end = bytes.indexOf(0);
    return new TextDecoder().decode(end < 0 ? bytes : bytes.subarray(0, end));
  }

  reader(type: number): AttributeReader | undefined {
    return this.#readers.get(type);
  }

  data(type: number): Data {
    const reader = this.#readers.get(type);
    if (!reader) throw new DecodeError(`attribute ${type}`, 'is missing');
    return decodeData(reader);
  }

  value(type: number): Uint8Array {
    const data = this.data(type);
    return 'value' in data ? data.value : new Uint8Array(0);
  }

  /** Registers of 16 bytes are 1 to 4, those of 4 bytes follow from 8 over the same room. */
  register(type: number): number {
    const number = this.number(type);
    if (number > LAST_REGISTER) throw new DecodeError(`attribute ${type}`, `there is no register ${number}`);
    return number === 0 ? VERDICT : number < 8 ? (number - 1) * 16 : (number - 8) * 4;
  }

  maybeRegister(type: number): number | undefined {
    return this.has(type) ? this.register(type) : undefined;
  }
}

export function nameOf(attributes: AttributeReader): string {
  while (attributes.next()) if (attributes.type === EXPRESSION.NAME) return attributes.text();
  return '';
}

const QUIET = new Set(['counter', 'log', 'last', 'dup', 'flow_offload']);

export function isQuiet(name: string): boolean {
  return QUIET.has(name);
}

export function decodeExpression(attributes: AttributeReader): Expression {
  let name = '';
  let fields = new Fields(undefined);
  while (attributes.next()) {
    if (attributes.type === EXPRESSION.NAME) name = attributes.text();
    else if (attributes.type === EXPRESSION.DATA) fields = new Fields(attributes.nested());
  }
  return (
    DECODERS[name]?.(fields) ?? (isQuiet(name) ? { kind: 'quiet', name } : { kind: 'chance', name: name || 'an expression without a name' })
  );
}

/** Expressions that a set applies to its elements: one in an attribute, or several in a list in another. */
export function decodeConditions(one: AttributeReader | undefined, list: AttributeReader | undefined): Expression[] {
  if (one) return [decodeExpression(one)];
  const conditions: Expression[] = [];
  while (list?.next()) conditions.push(decodeExpression(list.nested()));
  return conditions;
}

/** One for each expression of the kernel, with the numbers of its attributes. */
const DECODERS: Record<string, (fields: Fields) => Expression> = {
  immediate: (of) => ({ kind: 'immediate', to: of.register(1), data: of.data(2) }),
  cmp: (of) => ({ kind: 'cmp', from: of.register(1), op: of.number(2), value: of.value(3) }),
  range: (of) => ({ kind: 'range', from: of.register(1), isInverted: of.number(2) === 1, low: of.value(3), high: of.value(4) }),
  bitwise: (of) => {
    const op = of.number(6);
    const shared = { kind: 'bitwise' as const, from: of.register(1), to: of.register(2), length: of.length(3), op };
    if (op === BITWISE.MASK_XOR) return { ...shared, mask: of.value(4), xor: of.value(5) };
    if (op === BITWISE.LSHIFT || op === BITWISE.RSHIFT) return { ...shared, shift: hostNumber(of.value(7)) };
    return of.has(8) ? { ...shared, from2: of.register(8) } : { ...shared, mask: of.value(7) };
  },
  byteorder: (of) => ({ kind: 'byteorder', from: of.register(1), to: of.register(2), length: of.length(4), size: of.number(5) }),
  lookup: (of) => ({
    kind: 'lookup',
    set: of.text(1),
    from: of.register(2),
    to: of.maybeRegister(3),
    isInverted: (of.number(5) & 1) !== 0,
  }),
  dynset: (of) => ({
    kind: 'dynset',
    set: of.text(1),
    from: of.register(4),
    conditions: decodeConditions(of.reader(DYNSET.EXPRESSION), of.reader(DYNSET.EXPRESSIONS)),
    isInverted: (of.number(9) & 1) !== 0,
  }),
  payload: (of) => ({
    kind: 'payload',
    to: of.maybeRegister(1),
    base: of.number(2),
    offset: of.number(3),
    length: of.length(4),
    from: of.maybeRegister(5),
  }),
  meta: (of) => ({ kind: 'meta', to: of.maybeRegister(1), key: of.number(2), from: of.maybeRegister(3) }),
  ct: (of) => ({
    kind: 'ct',
    to: of.maybeRegister(1),
    key: of.number(2),
    direction: of.has(3) ? of.number(3) : undefined,
    from: of.maybeRegister(4),
  }),
  fib: (of) => ({ kind: 'fib', to: of.register(1), result: of.number(2), flags: of.number(3) }),
  nat: (of) => ({
    kind: 'nat',
    isSource: of.number(1) === 0,
    family: of.number(2),
    addressFrom: of.maybeRegister(3),
    addressTo: of.maybeRegister(4),
    portFrom: of.maybeRegister(5),
    portTo: of.maybeRegister(6),
    flags: of.number(7),
  }),
  masq: (of) => ({ kind: 'masq', flags: of.number(1), portFrom: of.maybeRegister(2), portTo: of.maybeRegister(3) }),
  redir: (of) => ({ kind: 'redir', portFrom: of.maybeRegister(1), portTo: of.maybeRegister(2), flags: of.number(3) }),
  numgen: (of) => ({ kind: 'number', name: 'numgen', to: of.register(1), modulus: of.number(2), offset: of.number(4) }),
  hash: (of) => ({ kind: 'number', name: 'hash', to: of.register(2), modulus: of.number(4), offset: of.number(6) }),
  reject: (of) => ({ kind: 'reject', isReset: of.number(1) === 1 }),
  queue: () => ({ kind: 'immediate', to: VERDICT, data: { verdict: { kind: 'queue' } } }),
  fwd: () => ({ kind: 'immediate', to: VERDICT, data: { verdict: { kind: 'stolen' } } }),
  synproxy: () => ({ kind: 'immediate', to: VERDICT, data: { verdict: { kind: 'queue' } } }),
  notrack: () => ({ kind: 'notrack' }),
  match: (of) => ({ kind: 'match', name: of.text(1), revision: of.number(2), info: of.bytes(3) }),
  target: (of) => ({ kind: 'target', name: of.text(1), revision: of.number(2), info: of.bytes(3) }),
  objref: (of) =>
    of.has(OBJREF.TYPE)
      ? { kind: 'object', object: of.number(OBJREF.TYPE), name: of.text(OBJREF.NAME) }
      : { kind: 'object', object: OBJECT.UNKNOWN, map: of.text(OBJREF.SET) },
  connlimit: (of) => ({ kind: 'chance', name: 'connlimit', limit: limitOf(of) }),
  rt: (of) => ({ kind: 'chance', name: 'rt', to: of.maybeRegister(1) }),
  exthdr: (of) =>
    of.has(7) && !of.has(1) ? { kind: 'quiet', name: 'exthdr' } : { kind: 'chance', name: 'a header option', to: of.maybeRegister(1) },
  socket: (of) => ({ kind: 'chance', name: 'socket', to: of.maybeRegister(2) }),
};

function limitOf(of: Fields): CountLimit {
  return { count: of.number(CONNLIMIT.COUNT), isOver: (of.number(CONNLIMIT.FLAGS) & CONNLIMIT.INVERTED) !== 0 };
}

function hostNumber(bytes: Uint8Array): number {
  return bytes.length < 4 ? 0 : new Uint32Array(bytes.slice(0, 4).buffer)[0]!;
}
