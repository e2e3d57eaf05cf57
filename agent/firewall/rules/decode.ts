import { AttributeReader, DecodeError } from '../../netlink/attributes.ts';
import {
  BITWISE,
  CHAIN,
  DATA,
  ELEMENT,
  ELEMENTS,
  ELEMENT_FLAG,
  EXPRESSION,
  HOOK,
  RULE,
  SET,
  SET_DESCRIPTION,
  TABLE,
  TABLE_DORMANT,
  USERDATA_COMMENT,
  VERDICT_ATTRIBUTE,
} from './nf-tables.ts';
import { VERDICT, type BaseChain, type Chain, type Data, type Expression, type Rule, type RuleVerdict } from './ruleset.ts';

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
}

export function decodeSet(body: Uint8Array): SetHead {
  const set: SetHead = { family: familyOf(body), table: '', name: '', flags: 0, keyLength: 0, fields: [], size: 0 };
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

function decodeData(attributes: AttributeReader): Data {
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

function valueOf(attributes: AttributeReader): Uint8Array {
  const data = decodeData(attributes);
  return 'value' in data ? data.value : new Uint8Array(0);
}

/** NFT_REG32_15, and what all registers hold together (NFT_DATA_VALUE_MAXLEN). */
const LAST_REGISTER = 23;
const MAX_LENGTH = 64;

function fitting(length: number, place: string): number {
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

function nameOf(attributes: AttributeReader): string {
  while (attributes.next()) if (attributes.type === EXPRESSION.NAME) return attributes.text();
  return '';
}

const QUIET = new Set(['counter', 'log', 'last', 'dup', 'flow_offload']);

function isQuiet(name: string): boolean {
  return QUIET.has(name);
}

function decodeExpression(attributes: AttributeReader): Expression {
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

const OBJECT = { COUNTER: 1, HELPER: 3, TIMEOUT: 7, SECMARK: 8, EXPECTATION: 9 } as const;
const QUIET_OBJECTS = new Set<number>(Object.values(OBJECT));

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
  dynset: (of) => ({ kind: 'dynset', set: of.text(1), hasConditions: of.has(7) || of.has(10), isInverted: (of.number(9) & 1) !== 0 }),
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
    of.has(1) && QUIET_OBJECTS.has(of.number(1)) ? { kind: 'quiet', name: 'object' } : { kind: 'chance', name: 'an object' },
  rt: (of) => ({ kind: 'chance', name: 'rt', to: of.maybeRegister(1) }),
  exthdr: (of) =>
    of.has(7) && !of.has(1) ? { kind: 'quiet', name: 'exthdr' } : { kind: 'chance', name: 'a header option', to: of.maybeRegister(1) },
  socket: (of) => ({ kind: 'chance', name: 'socket', to: of.maybeRegister(2) }),
};

/** A comment in the user data that nft keeps with a rule. */
function commentOf(bytes: Uint8Array): string | undefined {
  for (let at = 0; at + 2 <= bytes.length; at += 2 + bytes[at + 1]!) {
    if (bytes[at] === USERDATA_COMMENT) return new TextDecoder().decode(bytes.subarray(at + 2, at + 1 + bytes[at + 1]!));
  }
  return undefined;
}

function hostNumber(bytes: Uint8Array): number {
  return bytes.length < 4 ? 0 : new Uint32Array(bytes.slice(0, 4).buffer)[0]!;
}

function familyOf(body: Uint8Array): number {
  if (body.length < HEADER) throw new DecodeError('', `${body.length} bytes are no message of nf_tables`);
  return body[0]!;
}
