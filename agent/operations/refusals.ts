import { spawn } from 'node:child_process';
import { FleetError } from '../../proto/model/error-codes.ts';
import type { Flow } from '../../proto/model/flow.ts';
import type { Clock } from '../clock.ts';
import { emptyTable, noTable, refuse, release, type Refusal } from './refusal-rules.ts';

/** Flows in one call of nft. */
const BATCH = 1000;
/** The kernel forgets an element a moment after its time. */
const GRACE_MS = 500;

/**
 * Refuses packets of single flows for a while, through an nft table of our own. The table is made with the first, and taken away after the
 * last; if the agent dies, its elements still run out, and the next to refuse something makes the table anew.
 */
export class Refusals {
  readonly #clock: Clock;
  readonly #closing = new AbortController();
  #tail: Promise<void> = Promise.resolve();
  #isThere = false;
  #untilMs = 0;
  #sweeping: Promise<void> | undefined;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Throws CAPABILITY_MISSING where nft cannot do it; nothing is refused then. */
  async add(refusal: Refusal, flows: readonly Flow[], seconds: number): Promise<void> {
    if (flows.length === 0) return;
    const batches = Array.from({ length: Math.ceil(flows.length / BATCH) }, (_, index) => refuse(refusal, flows.slice(index * BATCH, (index + 1) * BATCH), seconds));
    await this.#inTurn(async () => {
      if (!this.#isThere) await nft(emptyTable());
      this.#isThere = true;
      for (const batch of batches) await nft(batch);
      this.#untilMs = Math.max(this.#untilMs, this.#clock.now() + seconds * 1000 + GRACE_MS);
    });
    this.#sweeping ??= this.#sweep();
  }

  /** Refuses the packets of these flows no more, before their time. */
  async release(refusal: Refusal, flows: readonly Flow[]): Promise<void> {
    const batches = Array.from({ length: Math.ceil(flows.length / BATCH) }, (_, index) => release(refusal, flows.slice(index * BATCH, (index + 1) * BATCH)));
    await this.#inTurn(async () => {
      if (this.#isThere) for (const batch of batches) await nft(batch);
    });
  }

  /** Takes everything away at once. */
  async close(): Promise<void> {
    this.#closing.abort();
    await this.#sweeping;
    await this.#inTurn(() => this.#remove());
  }

  async #sweep(): Promise<void> {
    while (this.#clock.now() < this.#untilMs && !this.#closing.signal.aborted) await this.#clock.delay(this.#untilMs - this.#clock.now(), this.#closing.signal);
    await this.#inTurn(async () => {
      this.#sweeping = undefined;
      if (this.#clock.now() >= this.#untilMs) await this.#remove();
      else if (!this.#closing.signal.aborted) this.#sweeping = this.#sweep();
    });
  }

  async #remove(): Promise<void> {
    if (!this.#isThere) return;
    this.#isThere = false;
    await nft(noTable());
  }

  #inTurn(work: () => Promise<void>): Promise<void> {
    const done = this.#tail.then(work);
    this.#tail = done.catch(() => undefined);
    return done;
  }
}

/** Runs `nft -f -`, all or nothing, with fixed arguments and no shell. */
function nft(commands: string): Promise<void> {
  return new Promise((resolve, reject) => {
    const refused = (why: string, cause?: unknown): void => reject(new FleetError('CAPABILITY_MISSING', `Packets cannot be refused here: ${why}. Install nftables, and give the agent CAP_NET_ADMIN.`, {}, { cause }));
    const child = spawn('nft', ['-f', '-'], { stdio: ['pipe', 'ignore', 'pipe'] });
    let said = '';
    child.stderr.setEncoding('utf8').on('data', (text: string) => { said += text; });
    child.once('error', (error) => refused(error.message, error));
    child.once('close', (code) => (code === 0 ? resolve() : refused(said.split('\n')[0] ?? `nft ended with ${code}`)));
    child.stdin.on('error', () => undefined).end(commands);
  });
}
