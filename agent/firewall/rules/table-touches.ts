import { AttributeReader } from '../../netlink/attributes.ts';
import type { Message } from '../../netlink/message.ts';
import { GENERATION, NFT_MSG, TABLE } from './nf-tables.ts';

/** A transaction of nf_tables that changed the table: which one it was of all that were heard, and whose. */
export interface Touch {
  at: number;
  pid: number;
  /** As the kernel has it: 15 bytes at most. */
  name: string;
}

export interface TouchedTable {
  /** NFPROTO_* */
  family: number;
  name: string;
}

/** struct nfgenmsg */
const HEADER = 4;
/** Whoever changes the table in a loop is the last anyway. */
const MAX_TOUCHES = 16;

/**
 * Who changed one table, of the notifications that nf_tables sends for a transaction: first one for each thing that is new or gone, with
 * the name of its table as attribute 1 of every kind, and last NEWGEN with the task that committed it (nf_tables_commit and
 * nf_tables_fill_gen_info in net/netfilter/nf_tables_api.c; NFTA_GEN_PROC_PID and NFTA_GEN_PROC_NAME since Linux 4.13, the former as the
 * initial pid namespace has it).
 */
export class TableTouches {
  readonly #table: TouchedTable;
  #heard = 0;
  #touches: Touch[] = [];
  #isTouched = false;
  /** After a loss it is not known to which transaction belongs what comes until the next NEWGEN. */
  #isInPart = false;

  constructor(table: TouchedTable) {
    this.#table = table;
  }

  /** Transactions heard so far. */
  get heard(): number {
    return this.#heard;
  }

  /** Throws DecodeError for what is no message of nf_tables. */
  add({ type, body }: Pick<Message, 'type' | 'body'>): void {
    if (type === NFT_MSG.NEWGEN) this.#finish(body);
    else if (body[0] === this.#table.family && tableOf(body) === this.#table.name) this.#isTouched = true;
  }

  /** Messages were lost: all that is known may be of another transaction than it seems. */
  lose(): void {
    this.#touches = [];
    this.#isTouched = false;
    this.#isInPart = true;
  }

  /** Forgets what was heard up to then. */
  forget(upTo: number): void {
    this.#touches = this.#touches.filter(({ at }) => at > upTo);
  }

  /** The last first. */
  touches(): Touch[] {
    return this.#touches.toReversed();
  }

  #finish(body: Uint8Array): void {
    this.#heard++;
    const isOurs = this.#isTouched && !this.#isInPart;
    this.#isTouched = this.#isInPart = false;
    const by = isOurs ? taskOf(body) : undefined;
    if (by) this.#touches = [...this.#touches, { at: this.#heard, ...by }].slice(-MAX_TOUCHES);
  }
}

function tableOf(body: Uint8Array): string | undefined {
  const attributes = new AttributeReader(body, {}, HEADER);
  while (attributes.next()) if (attributes.type === TABLE.NAME) return attributes.text();
  return undefined;
}

/** Undefined where an older kernel does not say it. */
function taskOf(body: Uint8Array): { pid: number; name: string } | undefined {
  const attributes = new AttributeReader(body, {}, HEADER);
  const task: { pid?: number; name?: string } = {};
  while (attributes.next()) {
    if (attributes.type === GENERATION.PROC_PID) task.pid = attributes.u32();
    else if (attributes.type === GENERATION.PROC_NAME) task.name = attributes.text();
  }
  const { pid, name } = task;
  return pid === undefined || name === undefined ? undefined : { pid, name };
}
