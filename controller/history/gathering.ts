import { Room, type Amount } from './room.ts';

/** What is gathered, and whom it is from. `isGone` once nobody waits for it any more. */
export interface Gathered extends Amount {
  readonly gatewayId: string;
  readonly isGone: boolean;
}

export interface Limits {
  /** How long the first item waits for others. */
  gatherMs: number;
  /** A run begins at once when this much waits, and takes no more, or a single item. */
  ofRun: Amount;
  /** Of everything held, what is being stored included. */
  held: Amount;
}

interface Held<Item> {
  item: Item;
  /** Ends its stay: stored, rejected with an error, or given up. */
  end: (how: 'stored' | 'gone' | { error: unknown }) => void;
  /** How many runs had succeeded when it first failed alone. */
  failedAfter?: number;
}

/** Between attempts while not even a single item can be stored; twice as long each time. */
const FIRST_PAUSE_MS = 250;
const LONGEST_PAUSE_MS = 5000;

/**
 * Gathers items of many gateways and stores them in runs, one run at a time.
 *
 *   no room ──▶ held ──run──▶ stored
 *                ▲ ▲
 *                │ └─ the run failed: again at once, half as many
 *                └─── it failed alone: behind the others and, after a pause, alone again;
 *                     a second time, while others could be stored: rejected, it is its own fault
 *
 * So one item cannot stop the others, and everything held is kept while nothing can be stored. What is held is bounded: one item of a
 * gateway, and `limits.held` of all, beyond which `accept` waits and with it the reading of that gateway's stream.
 */
export class Gathering<Item extends Gathered> {
  readonly room: Room;
  private waiting: Held<Item>[] = [];
  /** By gateway: resolves when its item is no longer held. */
  private readonly ofGateway = new Map<string, Promise<void>>();
  private wake: () => void = () => undefined;
  private running: Promise<void> | undefined;
  private atMost = Infinity;
  private succeeded = 0;
  private pauseMs = 0;
  private isStopped = false;

  constructor(
    private readonly store: (items: Item[]) => Promise<void>,
    private readonly limits: Limits,
    private readonly failed: (error: unknown) => void,
  ) {
    this.room = new Room(limits.held);
  }

  /**
   * Resolves once the item is held. `stored` then resolves to true once it is stored, to false if it was given up because it is gone, and
   * rejects with the item's own error.
   */
  async accept(item: Item): Promise<{ stored: Promise<boolean> }> {
    const { gatewayId } = item;
    for (let before = this.ofGateway.get(gatewayId); before; before = this.ofGateway.get(gatewayId)) await before;
    const { promise: freed, resolve: free } = Promise.withResolvers<void>();
    this.ofGateway.set(gatewayId, freed);
    await this.room.enter(item);
    const { promise: stored, resolve, reject } = Promise.withResolvers<boolean>();
    const end: Held<Item>['end'] = (how) => {
      this.ofGateway.delete(gatewayId);
      free();
      this.room.leave(item);
      if (typeof how === 'object') reject(how.error);
      else resolve(how === 'stored');
    };
    this.waiting.push({ item, end });
    if (this.isRunFull()) this.wake();
    this.running ??= this.run();
    return { stored };
  }

  /** Resolves after the run under way. What waits is never stored; its gateways send it again. */
  async stop(): Promise<void> {
    this.isStopped = true;
    this.wake();
    await this.running;
  }

  private async run(): Promise<void> {
    while (this.waiting.length > 0 && !this.isStopped) {
      await this.pause();
      this.giveUpGone();
      const next = this.next();
      if (next.length > 0 && !this.isStopped) await this.attempt(next);
    }
    // In the same moment: whoever is let in after it begins another.
    this.running = undefined;
  }

  /** Until others have joined or a run is full; after failures, for as long as Postgres is given. */
  private async pause(): Promise<void> {
    const isFailing = this.pauseMs > 0;
    const isAgain = this.atMost < Infinity || this.waiting[0]?.failedAfter !== undefined;
    if (!isFailing && (this.isRunFull() || isAgain)) return;
    await new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, isFailing ? this.pauseMs : this.limits.gatherMs);
      this.wake = () => {
        if (isFailing && !this.isStopped) return;
        clearTimeout(timer);
        resolve();
      };
    });
  }

  /** The oldest, as far as they fit a run; what has failed alone goes alone. */
  private next(): Held<Item>[] {
    const { samples, bytes } = this.limits.ofRun;
    const total: Amount = { samples: 0, bytes: 0 };
    let count = 0;
    for (const { item, failedAfter } of this.waiting) {
      total.samples += item.samples;
      total.bytes += item.bytes;
      const isTooMuch = count >= this.atMost || total.samples > samples || total.bytes > bytes;
      if (count > 0 && (isTooMuch || failedAfter !== undefined)) break;
      count++;
      if (failedAfter !== undefined) break;
    }
    return this.waiting.splice(0, count);
  }

  private async attempt(run: Held<Item>[]): Promise<void> {
    try {
      await this.store(run.map(({ item }) => item));
    } catch (error) {
      this.failed(error);
      if (run.length > 1) this.halve(run);
      else this.setBehind(run[0]!, error);
      return;
    }
    this.succeeded++;
    this.pauseMs = 0;
    this.atMost = this.atMost < this.limits.ofRun.samples ? this.atMost * 2 : Infinity;
    run.forEach(({ end }) => end('stored'));
  }

  private halve(run: Held<Item>[]): void {
    this.atMost = Math.ceil(run.length / 2);
    this.waiting.unshift(...run);
  }

  private setBehind(one: Held<Item>, error: unknown): void {
    if (one.failedAfter !== undefined && this.succeeded > one.failedAfter) return one.end({ error });
    one.failedAfter ??= this.succeeded;
    this.waiting.push(one);
    this.pauseMs = Math.min(LONGEST_PAUSE_MS, this.pauseMs * 2 || FIRST_PAUSE_MS);
  }

  private giveUpGone(): void {
    const gone = this.waiting.filter(({ item }) => item.isGone);
    this.waiting = this.waiting.filter(({ item }) => !item.isGone);
    gone.forEach(({ end }) => end('gone'));
  }

  private isRunFull(): boolean {
    const { samples, bytes } = this.limits.ofRun;
    return this.room.held.samples >= samples || this.room.held.bytes >= bytes;
  }
}
