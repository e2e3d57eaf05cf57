import type { ClientDuplexStream } from '@grpc/grpc-js';
import { LinkClient, type AgentMessage, type ControllerMessage, type Hello } from '../../proto/gen/ctfleet/v1/link.ts';
import type { Commands } from '../operations/commands.ts';
import type { Remediations } from '../remediations/remediations.ts';
import { backoffMs } from './backoff.ts';
import { CHANNEL_OPTIONS, linkCredentials } from './credentials.ts';
import type { Identity } from './identity.ts';
import type { Outbox } from './outbox.ts';
import { Queries, type QueryDependencies } from './queries.ts';
import type { Spool } from './spool.ts';
import type { Witness } from './witness.ts';

/** Nothing heard for this long: the peer is dead, however open the connection looks. */
const SILENCE_MS = 30_000;
const WELCOME_MS = 10_000;

export interface LinkDependencies extends Omit<QueryDependencies, 'clockOffsetMs'> {
  identity: Identity;
  hello: () => Promise<Omit<Hello, 'sentAtMs'>>;
  commands: () => Commands;
  outbox: Outbox;
  spool: Spool;
  witness: Witness;
  remediations: Remediations;
  random: () => number;
  onWelcome: (welcome: { sampleIntervalMs: number }) => void;
}

/**
 * One agent's link to the controller.
 *
 *     offline ── dial ──▶ connecting ── welcome ──▶ online
 *        ▲                    │ refused, silent       │ ended, silent
 *        └── backoff ─────────┴───────────────────────┘
 *
 * Only `online` takes queries and commands. Samples taken meanwhile wait in the spool, results in the journal, reports of
 * remediations on disk. The agent speaks
 * first on every session; commands are never queued here, because a late flush is a wrong flush.
 */
export class Link {
  readonly #deps: LinkDependencies;
  #clockOffsetMs = 0;

  constructor(deps: LinkDependencies) {
    this.#deps = deps;
  }

  /** The controller's clock minus ours, as measured at the last welcome. */
  get clockOffsetMs(): number {
    return this.#clockOffsetMs;
  }

  /** A sample was put on the spool. */
  samplesWaiting(): void {
    this.#deps.outbox.pump();
  }

  /** Stays connected until the signal aborts. */
  async run(signal: AbortSignal): Promise<void> {
    const { clock, random, log, identity } = this.#deps;
    for (let attempt = 0; !signal.aborted; attempt++) {
      const { wasOnline, reason } = await this.#session(signal).catch((error: unknown) => {
        log.error({ err: error }, 'a session could not be begun');
        return { wasOnline: false, reason: (error as Error).message };
      });
      if (signal.aborted) return;
      if (wasOnline) attempt = 0;
      const waitMs = backoffMs(attempt, random);
      log.info({ reason, waitMs, controller: identity.linkAddress }, 'link down');
      await clock.delay(waitMs, signal);
    }
  }

  async #session(signal: AbortSignal): Promise<{ wasOnline: boolean; reason: string }> {
    const { identity, hello, outbox, log } = this.#deps;
    const client = new LinkClient(identity.linkAddress, linkCredentials(identity), CHANNEL_OPTIONS);
    const queries = new Queries(client, { ...this.#deps, clockOffsetMs: () => this.#clockOffsetMs });
    const greeting = await hello();
    const call = client.session();
    const sentAtMs = this.#deps.clock.now();
    let isOnline = false;
    let heardAt = performance.now();
    const watch = setInterval(() => {
      const silentMs = performance.now() - heardAt;
      if (silentMs > (isOnline ? SILENCE_MS : WELCOME_MS)) call.cancel();
    }, 1000);
    const stop = () => call.cancel();
    signal.addEventListener('abort', stop, { once: true });
    try {
      return await new Promise((resolve) => {
        const end = (reason: string) => resolve({ wasOnline: isOnline, reason });
        call.on('error', (error: Error & { details?: string }) => end(error.details || error.message));
        call.on('end', () => end('the controller ended the session'));
        call.on('drain', () => this.#safely('drain', () => outbox.drained()));
        call.on('data', (message: ControllerMessage) => this.#safely(message.body?.$case ?? 'unknown', () => {
          heardAt = performance.now();
          if (message.body?.$case === 'welcome') {
            isOnline = true;
            this.#clockOffsetMs = Number(message.body.value.controllerTimeMs) - (sentAtMs + this.#deps.clock.now()) / 2;
            log.info({ epoch: String(message.body.value.epoch), controller: identity.linkAddress }, 'link up');
            this.#deps.onWelcome(message.body.value);
            outbox.open((out) => call.write(out));
            this.#deps.commands().repeatResults();
          } else {
            this.#handle(message, queries);
          }
        }));
        send(call, { body: { $case: 'hello', value: { ...greeting, sentAtMs: BigInt(sentAtMs) } } });
      });
    } finally {
      clearInterval(watch);
      signal.removeEventListener('abort', stop);
      outbox.close();
      queries.cancelAll();
      client.close();
    }
  }

  /** Nothing that a stream's callback throws may end the process, or the session. */
  #safely(message: string, work: () => void): void {
    try {
      work();
    } catch (error) {
      this.#deps.log.error({ err: error, message }, 'a message could not be taken; the session goes on');
    }
  }

  #handle({ body }: ControllerMessage, queries: Queries): void {
    const { outbox, spool, remediations, log } = this.#deps;
    switch (body?.$case) {
      case 'query': void queries.answer(body.value); return;
      case 'cancelQuery': queries.cancel(body.value.queryId); return;
      case 'command': this.#deps.commands().accept(body.value); return;
      case 'stop': this.#deps.commands().stop(body.value.commandIds); return;
      case 'resultReceipt': this.#deps.commands().acknowledge(body.value.commandId); return;
      case 'sampleReceipt':
        spool.received(body.value.batch);
        outbox.pump();
        return;
      case 'remediations': remediations.replace(body.value.remediations); return;
      case 'remediationRunReceipt': remediations.acknowledge(body.value.runId); return;
      case 'auditCheckpoint': this.#deps.witness.see(body.value); return;
      case 'ping': outbox.pong(body.value.sentAtMs); return;
      default: log.warn({ message: body?.$case ?? 'unknown' }, 'a message of a newer controller was passed over');
    }
  }
}

function send(call: ClientDuplexStream<AgentMessage, ControllerMessage>, message: AgentMessage): void {
  call.write(message);
}
