import type { DescMessage } from '@bufbuild/protobuf';
import { ControllerMessage, type Query } from '../../../proto/gen/ctfleet/v1/link.ts';
import { toWireFilter } from '../../../proto/wire/filter.ts';
import { readContract } from './contract.ts';
import { Corpus } from './corpus.ts';
import type { KnownIds } from './known-ids.ts';
import { MessageMaker } from './messages.ts';
import { withNumber, wrapped } from './mutate.ts';
import type { Random } from './random.ts';
import { filterOf as parsedFilter } from '../../support/filter-of.ts';

const BODIES = [
  'query',
  'query',
  'cancelQuery',
  'command',
  'command',
  'resultReceipt',
  'sampleReceipt',
  'ping',
  'stop',
  'remediations',
  'remediationRunReceipt',
  'auditCheckpoint',
  'confirmPolicy',
  'resolveDrift',
  'welcome',
] as const;
/** Fields of `ControllerMessage` and `Command` that are set after a message has been generated. */
const FIELD = { command: 4, seq: 2, notAfterMs: 4 } as const;
const DEADLINE_MS = 60_000;

/** What a hostile controller sends, as bytes. */
export class ControllerFrames {
  /** From the previous command, honest or not. */
  #seq = 0;
  readonly #random: Random;
  readonly #maker: MessageMaker;
  readonly #corpus: Corpus;
  readonly #schemas: Record<'message' | 'command', DescMessage>;

  constructor(random: Random, ids: KnownIds) {
    const contract = readContract();
    this.#random = random;
    this.#maker = new MessageMaker(random, ids);
    this.#schemas = { message: contract('ControllerMessage'), command: contract('Command') };
    this.#corpus = new Corpus(random, [
      this.#maker.make(this.#schemas.message, 'query'),
      this.#maker.make(this.#schemas.message, 'remediations'),
    ]);
  }

  /** Called when the agent reports that it has seen this number. */
  seen(seq: bigint): void {
    if (BigInt(this.#seq) < seq && seq < Number.MAX_SAFE_INTEGER) this.#seq = Number(seq);
  }

  /** The number of the next command. */
  nextSeq(): number {
    this.#seq += 1;
    return this.#seq;
  }

  /** Any message; commands usually come in sequence and in time, whatever else is wrong with them. */
  any(): Buffer {
    const random = this.#random;
    if (random.perMille(350)) return this.#corpus.mutated();
    const body = random.pick(BODIES);
    if (body !== 'command' || random.perMille(100)) return this.#corpus.keep(this.#maker.make(this.#schemas.message, body));
    const command = withNumber(this.#maker.make(this.#schemas.command), FIELD.seq, this.nextSeq());
    return this.#corpus.keep(wrapped(withNumber(command, FIELD.notAfterMs, Date.now() + DEADLINE_MS), FIELD.command));
  }
}

/** An honest message. */
export function frameOf(body: NonNullable<ControllerMessage['body']>): Buffer {
  return Buffer.from(ControllerMessage.encode({ body }).finish());
}

/** An honest query for one row. */
export function searchFor(text: string): NonNullable<Query['ask']> {
  return { $case: 'search', value: { filter: filterOf(text), sort: '', descending: false, limit: 1, withFacets: false } };
}

/** A filter in its wire form. Throws if the text does not parse. */
export function filterOf(text: string): ReturnType<typeof toWireFilter> {
  return toWireFilter(parsedFilter(text));
}

/** Whether the agent's decoder can read a frame. */
export function isDecodable(frame: Buffer): boolean {
  try {
    ControllerMessage.decode(frame);
    return true;
  } catch {
    return false;
  }
}
