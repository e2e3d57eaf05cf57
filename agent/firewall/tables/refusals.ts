import { FleetError } from '../../../proto/model/error-codes.ts';
import type { Flow } from '../../../proto/model/flow.ts';
import type { Clock } from '../../time/clock.ts';
import { makeAgain, readListing, type FoundRefusals } from './found-refusals.ts';
import { LiveRefusals } from './live-refusals.ts';
import { listTable, nft } from './nft.ts';
import { elementsOf, emptyTable, noTable, refuse, release, TABLE } from './refusal-rules.ts';

/** Why a simulated gateway refuses nothing. */
export const NO_PACKETS = 'This gateway is simulated; it has no packets to refuse.';

/** Flows in one call of nft. */
const BATCH = 1000;
/** The kernel forgets an element a moment after its time. */
const GRACE_MS = 500;
/** How often it is looked whether what is refused still is: a firewall that is loaded again takes our table away with its own. */
const LOOK_MS = 2000;

/**
 * Answers packets of single flows with an RST for a while, through an nft table of our own. The table is made with the first, and taken
 * away after the last. The kernel holds each refusal for its time, whether the agent runs or not: one that starts adopts what it finds, and
 * one that ends leaves it. A firewall that is loaded again takes all tables away; what is still to be refused is put back at the next look.
 */
export class Refusals {
  readonly #clock: Clock;
  readonly #closing = new AbortController();
  #tail: Promise<void> = Promise.resolve();
  /** Undefined until it was looked for. */
  #isThere: boolean | undefined;
  readonly #live = new LiveRefusals();
  #sweeping: Promise<void> | undefined;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Takes over what an agent before this one left. Throws CAPABILITY_MISSING where nft cannot be asked. */
  async adopt(): Promise<void> {
    await this.#inTurn(() => this.#look());
    if (this.#isThere) this.#sweeping ??= this.#sweep();
  }

  /**
   * Why packets cannot be refused here; undefined where they can. The kernel is given all that we would make, and makes none of it (`nft
   * -c`).
   */
  async whyNot(): Promise<string | undefined> {
    try {
      await this.#inTurn(async () => {
        await nft(['-c', '-f', '-'], emptyTable());
      });
      return undefined;
    } catch (error) {
      return (error as Error).message;
    }
  }

  /** Throws CAPABILITY_MISSING where nft cannot do it; nothing is refused then. */
  async add(flows: readonly Flow[], seconds: number): Promise<void> {
    if (flows.length === 0) return;
    const batches = Array.from({ length: Math.ceil(flows.length / BATCH) }, (_, index) =>
      refuse(flows.slice(index * BATCH, (index + 1) * BATCH), seconds),
    );
    await this.#inTurn(async () => {
      if (this.#isThere === undefined) await this.#look();
      await this.#put(batches);
      this.#live.add(elementsOf(flows), this.#clock.now() + seconds * 1000);
    });
    this.#sweeping ??= this.#sweep();
  }

  /** Refuses the packets of these flows no more, before their time. */
  async release(flows: readonly Flow[]): Promise<void> {
    const batches = Array.from({ length: Math.ceil(flows.length / BATCH) }, (_, index) =>
      release(flows.slice(index * BATCH, (index + 1) * BATCH)),
    );
    await this.#inTurn(async () => {
      this.#live.remove(elementsOf(flows));
      if (this.#isThere) for (const batch of batches) await nft(['-f', '-'], batch);
    });
  }

  /** Leaves what is refused to the kernel, which forgets each in its time; the next agent takes the table away. */
  async close(): Promise<void> {
    this.#closing.abort();
    await this.#sweeping;
    await this.#tail;
  }

  /**
   * Somebody else may have taken the table away, as a firewall does that is loaded again: then it is made once more, with what it still had
   * to refuse.
   */
  async #put(batches: readonly string[]): Promise<void> {
    try {
      if (!this.#isThere) throw new FleetError('CAPABILITY_MISSING', 'The agent’s nftables table does not exist yet.');
      for (const batch of batches) await nft(['-f', '-'], batch);
    } catch (error) {
      if (this.#isThere) await this.#look();
      if (this.#isThere) throw error;
      await nft(['-f', '-'], makeAgain(this.#live.at(this.#clock.now())));
      this.#isThere = true;
      for (const batch of batches) await nft(['-f', '-'], batch);
    }
  }

  /** Finds out what is refused now, and for how long. A table that another version made is made as ours is, and goes on refusing. */
  async #look(): Promise<void> {
    const found = await list();
    this.#isThere = found !== undefined;
    if (!found) return;
    if (!found.isOurShape) await nft(['-f', '-'], makeAgain(found.elements));
    this.#live.replace(found.elements, this.#clock.now());
  }

  /** Until nothing is refused any more, or the agent ends. What fails is tried again at the next look. */
  async #sweep(): Promise<void> {
    const { signal } = this.#closing;
    let hasFailed = false;
    while (this.#isThere && !signal.aborted) {
      const leftMs = this.#live.untilMs + GRACE_MS - this.#clock.now();
      await this.#clock.delay(hasFailed ? LOOK_MS : Math.min(Math.max(0, leftMs), LOOK_MS), signal);
      hasFailed = await this.#inTurn(() => this.#tend()).then(
        () => false,
        () => true,
      );
    }
    this.#sweeping = undefined;
  }

  async #tend(): Promise<void> {
    if (this.#closing.signal.aborted) return;
    const nowMs = this.#clock.now();
    if (nowMs >= this.#live.untilMs + GRACE_MS) return this.#removeIfEmpty();
    if ((await list(['-t']))?.isOurShape) return;
    await nft(['-f', '-'], makeAgain(this.#live.at(nowMs)));
  }

  /** The kernel knows better than our clock: it does not count the time that a machine sleeps. */
  async #removeIfEmpty(): Promise<void> {
    const found = await list();
    if (found && found.elements.length > 0) return this.#look();
    if (found) await nft(['-f', '-'], noTable());
    this.#isThere = false;
  }

  #inTurn(work: () => Promise<void>): Promise<void> {
    const done = this.#tail.then(work);
    this.#tail = done.catch(() => undefined);
    return done;
  }
}

/** Our table as the kernel has it now; undefined if it is not there. */
async function list(flags: readonly string[] = []): Promise<FoundRefusals | undefined> {
  const listing = await listTable(TABLE, flags);
  return listing === undefined ? undefined : readListing(listing);
}
