import { AttributeReader, AttributeWriter } from '../../netlink/attributes.ts';
import { NETLINK_NETFILTER, NLMSG_DONE, NLMSG_ERROR, NLM_F_DUMP, NLM_F_DUMP_INTR, NLM_F_REQUEST } from '../../netlink/constants.ts';
import { encodeMessage, readMessages, readVerdict, type Message } from '../../netlink/message.ts';
import { NetlinkError, NetlinkSocket } from '../../netlink/socket.ts';
import { decodeChain, decodeElements, decodeRule, decodeSet, decodeTable, type SetHead } from './decode.ts';
import { decodeObject } from './objects.ts';
import { ELEMENTS, NFT_MSG, SET_FLAG } from './nf-tables.ts';
import { setId, type Chain, type RuleObject, type Ruleset, type RuleSet } from './ruleset.ts';
import { packSet } from './pack-set.ts';

const BLOCK_BYTES = 65_536;
const MAX_SILENT_READS = 10;
/** Rules that change while they are read are read again. */
const MAX_ATTEMPTS = 5;
const ETIMEDOUT = 110;
const EBUSY = 16;
/** A set of blocked addresses may have a million elements: of one that is larger than this it is not known what is in it. */
export const MAX_ELEMENTS = 20_000;
const MAX_RULES = 100_000;
const MAX_OBJECTS = 10_000;

/**
 * The nf_tables of the network namespace of the calling thread, read whole and at one time. Needs CAP_NET_ADMIN. Throws NetlinkError,
 * DecodeError.
 * @param options.withObjects also what objects of conntrack hold
 */
export function readKernelRuleset({ withObjects = false } = {}): Ruleset {
  return readAtOneTime((reader) => {
    const ruleset = reader.ruleset();
    return withObjects ? { ...ruleset, objects: reader.objects() } : ruleset;
  });
}

/** The chains and looked up sets of one table. Throws likewise. */
export function readKernelTable(table: { family: number; name: string }): Ruleset {
  return readAtOneTime((reader) => reader.ruleset(table));
}

function readAtOneTime(read: (reader: Reader) => Ruleset): Ruleset {
  for (let attempt = 1; ; attempt++) {
    const socket = new NetlinkSocket(NETLINK_NETFILTER, { receiveBuffer: 1 << 20, sendBuffer: 1 << 16 });
    try {
      const reader = new Reader(socket);
      const before = reader.generation();
      const ruleset = read(reader);
      if (before === reader.generation()) return ruleset;
    } catch (error) {
      if (!(error instanceof Interrupted) && !(error instanceof NetlinkError && error.code === 'ENOENT')) throw error;
    } finally {
      socket.closeLater();
    }
    if (attempt === MAX_ATTEMPTS) throw new NetlinkError('the rules change faster than they can be read', EBUSY);
  }
}

/** A number that each change of nf_tables raises. Throws NetlinkError. */
export function readGeneration(): number {
  const socket = new NetlinkSocket(NETLINK_NETFILTER, { receiveBuffer: 1 << 16, sendBuffer: 1 << 16 });
  try {
    return new Reader(socket).generation();
  } finally {
    socket.closeLater();
  }
}

class Interrupted extends Error {}

class Reader {
  readonly #socket: NetlinkSocket;
  readonly #block = new Uint8Array(BLOCK_BYTES);

  constructor(socket: NetlinkSocket) {
    this.#socket = socket;
  }

  /** A number that each change of the rules raises. */
  generation(): number {
    for (const { type, body } of this.#exchange(NFT_MSG.GETGEN, NLM_F_REQUEST, HEADER)) {
      if (type !== NFT_MSG.NEWGEN) continue;
      const attributes = new AttributeReader(body, {}, HEADER.length);
      while (attributes.next()) if (attributes.type === 1) return attributes.u32();
    }
    return 0;
  }

  /** @param only a table; kernels before 6.3 tell of other chains of its family all the same */
  ruleset(only?: { family: number; name: string }): Ruleset {
    const of = only && requestOf(only);
    const dormant = new Set<string>();
    for (const body of this.#dump(NFT_MSG.GETTABLE)) {
      const { family, name, isDormant } = decodeTable(body);
      if (isDormant) dormant.add(`${family} ${name}`);
    }
    const chains = new Map<string, Chain>();
    for (const body of this.#dump(NFT_MSG.GETCHAIN, of)) {
      const chain = decodeChain(body);
      if (only && (chain.family !== only.family || chain.table !== only.name)) continue;
      if (!dormant.has(`${chain.family} ${chain.table}`)) chains.set(setId(chain.family, chain.table, chain.name), chain);
    }
    const looked = new Set<string>();
    let rules = 0;
    for (const body of this.#dump(NFT_MSG.GETRULE, of)) {
      const { family, table, chain, ...rule } = decodeRule(body);
      if (++rules > MAX_RULES) throw new NetlinkError(`there are more than ${MAX_RULES} rules`, EBUSY);
      chains.get(setId(family, table, chain))?.rules.push(rule);
      for (const expression of rule.expressions) if (expression.kind === 'lookup') looked.add(setId(family, table, expression.set));
    }
    const heads: SetHead[] = [];
    for (const body of this.#dump(NFT_MSG.GETSET, of)) heads.push(decodeSet(body));
    completeExpressions(chains.values(), heads);
    const sets: Record<string, RuleSet> = {};
    for (const head of heads) {
      const id = setId(head.family, head.table, head.name);
      if (looked.has(id)) sets[id] = this.#set(head);
    }
    return { chains: [...chains.values()], sets };
  }

  objects(): RuleObject[] {
    const objects: RuleObject[] = [];
    for (const body of this.#dump(NFT_MSG.GETOBJ)) {
      const object = decodeObject(body);
      if (object && objects.push(object) > MAX_OBJECTS) break;
    }
    return objects;
  }

  #set(head: SetHead): RuleSet {
    if ((head.flags & SET_FLAG.EVAL) !== 0) return packSet(head, [], 'packets change the set');
    const request = new AttributeWriter();
    request.raw(headerOf(head.family));
    request.text(ELEMENTS.TABLE, head.table);
    request.text(ELEMENTS.SET, head.name);
    // A dump that is left ends with its socket, so that it needs one of its own.
    const socket = new NetlinkSocket(NETLINK_NETFILTER, { receiveBuffer: 1 << 20, sendBuffer: 1 << 16 });
    try {
      const elements = [];
      for (const body of new Reader(socket).#dump(NFT_MSG.GETSETELEM, request.finish())) {
        for (const element of decodeElements(body.slice())) elements.push(element);
        if (elements.length > 2 * MAX_ELEMENTS) break;
      }
      const count = elements.reduce((sum, { isEnd }) => sum + (isEnd ? 0 : 1), 0);
      return count > MAX_ELEMENTS ? packSet(head, [], `it has more than ${MAX_ELEMENTS} elements`) : packSet(head, elements);
    } finally {
      socket.closeLater();
    }
  }

  *#dump(type: number, body: Uint8Array = HEADER): Generator<Uint8Array, void, void> {
    for (const message of this.#exchange(type, NLM_F_REQUEST | NLM_F_DUMP, body)) {
      if ((message.flags & NLM_F_DUMP_INTR) !== 0) throw new Interrupted();
      if (message.type === type - 1) yield message.body;
    }
  }

  *#exchange(type: number, flags: number, body: Uint8Array): Generator<Message, void, void> {
    const seq = this.#socket.nextSeq();
    this.#socket.send(encodeMessage({ type, flags, seq, body }));
    for (let silent = 0; silent < MAX_SILENT_READS;) {
      const length = this.#socket.receive(this.#block);
      if (length === undefined) {
        silent++;
        continue;
      }
      for (const message of readMessages(this.#block.subarray(0, length))) {
        if (message.seq !== seq) continue;
        if (message.type === NLMSG_ERROR || message.type === NLMSG_DONE) {
          if ((message.flags & NLM_F_DUMP_INTR) !== 0) throw new Interrupted();
          const { errno, reason } = readVerdict(message);
          if (errno === EINTR) throw new Interrupted();
          if (errno !== 0) throw new NetlinkError('the kernel does not tell its rules', errno, reason);
          return;
        }
        yield message;
        if ((flags & NLM_F_DUMP) === 0) return;
      }
    }
    throw new NetlinkError('the kernel did not answer about its rules', ETIMEDOUT);
  }
}

/** Of a set that rules add to, the kernel tells what it applies to elements with the set; of a map of objects, what they are. */
function completeExpressions(chains: Iterable<Chain>, heads: readonly SetHead[]): void {
  const byId = new Map(heads.map((head) => [setId(head.family, head.table, head.name), head]));
  for (const { family, table, rules } of chains)
    for (const expression of rules.flatMap(({ expressions }) => expressions)) {
      if (expression.kind === 'dynset' && expression.conditions.length === 0)
        expression.conditions = byId.get(setId(family, table, expression.set))?.conditions ?? [];
      if (expression.kind === 'object' && expression.map !== undefined)
        expression.object = byId.get(setId(family, table, expression.map))?.object ?? expression.object;
    }
}

const EINTR = 4;
/** struct nfgenmsg: all families. */
const HEADER = new Uint8Array(4);

/** NFTA_*_TABLE is the first attribute of chains, rules and sets alike. */
function requestOf({ family, name }: { family: number; name: string }): Uint8Array {
  const request = new AttributeWriter();
  request.raw(headerOf(family));
  request.text(1, name);
  return request.finish();
}

function headerOf(family: number): Uint8Array {
  return Uint8Array.of(family, 0, 0, 0);
}
