import type { ClientDuplexStream, Metadata } from '@grpc/grpc-js';
import type { Logger } from 'pino';
import type { AgentMessage, ControllerMessage, Hello, LinkClient, Unreadable, Welcome } from '../../proto/gen/ctfleet/v1/link.ts';
import type { Clock } from '../time/clock.ts';
import type { ControllerClock } from '../time/controller-clock.ts';
import { CODE_KEY, redialMs, RETRY_AFTER_KEY, retryAfterMs } from './backoff.ts';
import { linkCredentials, linkOptions } from './credentials.ts';
import type { Identity } from './identity.ts';
import { deliver, type Handlers } from './inbox.ts';
import type { Outbox } from './outbox.ts';
import { untilValid } from './until-valid.ts';
import { tolerantClient, type Incoming } from './tolerant-client.ts';

/** Nothing heard for this long: the peer is dead, however open the connection looks. */
const SILENCE_MS = 30_000;
const WELCOME_MS = 10_000;

/** How a session ended. `stayAwayMs`: how long the controller wants none, 0 if it did not say. */
interface SessionEnd {
  wasOnline: boolean;
  reason: string;
  stayAwayMs: number;
  /** This agent ended it for another one. */
  isRedial?: boolean;
}

export interface LinkDependencies {
  /** Of the next session. */
  identity: () => Identity;
  hello: () => Promise<Omit<Hello, 'sentAtMs'>>;
  /** What is done with the messages of a new session. `client`: of its connection; `ended` aborts with it. */
  handlers: (client: LinkClient, ended: AbortSignal) => Handlers;
  outbox: Outbox;
  clock: Clock;
  /** Measured here, at each welcome and each ping. */
  controllerClock: ControllerClock;
  random: () => number;
  log: Logger;
  /** Milliseconds since 1970, as this machine's clock shows them. */
  wallNow: () => number;
  /** Told when the link is up or down, and why it is down. */
  onState?: (isOnline: boolean, controller: string, reason?: string) => void;
  /** Called before anything that waited is said. */
  onWelcome: (welcome: { sampleIntervalMs: number }) => void;
  /** The session is open, and what waited is on its way. */
  onOpen: () => void;
  /** A session was refused because our certificate has ended. */
  onCertificateEnded: () => void;
}

/**
 * One agent's link to the controller.
 *
 *     offline ── dial ──▶ connecting ── welcome ──▶ online
 *        ▲                    │ refused, silent       │ ended, silent
 *        └── backoff ─────────┴───────────────────────┘
 *
 * Only `online` takes queries and commands. Samples taken meanwhile wait in the spool, results in the journal, reports of remediations on
 * disk. The agent speaks first on every session; commands are never queued here, because a late flush is a wrong flush. The session, its
 * handshake, pings and what cannot be read are seen to here; all other messages go to `handlers`.
 */
export class Link {
  readonly #deps: LinkDependencies;
  #end: ((reason: string) => void) | undefined;
  /** Messages that could not be decoded since the agent began. */
  #unreadable = 0;

  constructor(deps: LinkDependencies) {
    this.#deps = deps;
  }

  /** Ends the session that there is, so that the next hello says what has changed. */
  redial(reason: string): void {
    this.#end?.(reason);
  }

  /** Stays connected until the signal aborts. A refusal may say how long to stay away. */
  async run(signal: AbortSignal): Promise<void> {
    const { clock, random, log } = this.#deps;
    for (let attempt = 0; !signal.aborted; attempt++) {
      await this.#untilValid(signal);
      if (signal.aborted) return;
      const end = await this.#session(signal).catch((error: unknown): SessionEnd => {
        log.error({ err: error }, 'a session could not be begun');
        return { wasOnline: false, reason: (error as Error).message, stayAwayMs: 0 };
      });
      if (signal.aborted) return;
      const { wasOnline, reason, stayAwayMs } = end;
      // Whoever was told when to come again has been heard.
      if (wasOnline || stayAwayMs > 0) attempt = 0;
      const waitMs = end.isRedial && wasOnline ? 0 : redialMs(attempt, stayAwayMs, random);
      const controller = this.#deps.identity().linkAddress;
      log.info({ reason, waitMs, controller }, 'link down');
      this.#deps.onState?.(false, controller, reason);
      await clock.delay(waitMs, signal);
    }
  }

  #untilValid(signal: AbortSignal): Promise<void> {
    const { clock, log, wallNow, onState, identity } = this.#deps;
    const onWait = (reason: string, behindMs: number): void => {
      log.warn({ reason, behindMs }, 'waiting for the time');
      onState?.(false, identity().linkAddress, reason);
    };
    const options = { certificate: () => identity().certificate, wallNow, delay: clock.delay, onWait };
    return untilValid(options, signal);
  }

  async #session(signal: AbortSignal): Promise<SessionEnd> {
    const { hello, outbox, clock, log } = this.#deps;
    const identity = this.#deps.identity();
    const client = tolerantClient(identity.linkAddress, linkCredentials(identity), linkOptions(identity));
    const ended = new AbortController();
    const handlers = this.#deps.handlers(client, ended.signal);
    const greeting = await hello();
    const call = client.session();
    const sentAtMs = clock.now();
    let isOnline = false;
    let heardAt = performance.now();
    const watch = setInterval(() => {
      const silentMs = performance.now() - heardAt;
      if (silentMs > (isOnline ? SILENCE_MS : WELCOME_MS)) call.cancel();
    }, 1000);
    const stop = () => call.cancel();
    signal.addEventListener('abort', stop, { once: true });
    if (signal.aborted) stop();
    try {
      return await new Promise((resolve) => {
        const end = (reason: string, trailer?: Metadata) =>
          resolve({ wasOnline: isOnline, reason, stayAwayMs: retryAfterMs(trailer?.get(RETRY_AFTER_KEY) ?? []) });
        this.#end = (reason) => {
          resolve({ wasOnline: isOnline, reason, stayAwayMs: 0, isRedial: true });
          call.cancel();
        };
        call.on('error', (error: Error & { details?: string; metadata?: Metadata }) => {
          if (error.metadata?.get(CODE_KEY)[0] === 'CERTIFICATE_ENDED') this.#deps.onCertificateEnded();
          end(error.details || error.message, error.metadata);
        });
        call.on('end', () => end('the controller ended the session'));
        call.on('drain', () => this.#safely('drain', () => outbox.drained()));
        call.on('data', (incoming: Incoming) =>
          this.#safely(kindOf(incoming), () => {
            heardAt = performance.now();
            if ('unreadable' in incoming) return this.#passOver(incoming.unreadable);
            const { body } = incoming.message;
            if (!body) return log.warn('a message of a newer controller was passed over');
            if (body.$case === 'ping') return this.#ping(body.value.sentAtMs);
            if (body.$case !== 'welcome') return deliver(handlers, body);
            if (isOnline) return log.warn('a second welcome was passed over');
            isOnline = true;
            this.#welcome(body.value, sentAtMs);
            outbox.open((out) => call.write(out));
            this.#deps.onOpen();
          }),
        );
        send(call, { body: { $case: 'hello', value: { ...greeting, sentAtMs: BigInt(sentAtMs) } } });
      });
    } finally {
      this.#end = undefined;
      clearInterval(watch);
      signal.removeEventListener('abort', stop);
      outbox.close();
      ended.abort();
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

  #welcome(welcome: Welcome, askedAtMs: number): void {
    this.#deps.controllerClock.welcome(Number(welcome.controllerTimeMs), askedAtMs);
    this.#deps.log.info({ epoch: String(welcome.epoch), controller: this.#deps.identity().linkAddress }, 'link up');
    this.#deps.onState?.(true, this.#deps.identity().linkAddress);
    this.#deps.onWelcome(welcome);
  }

  /** Says that a message was not understood; the session goes on. A flood of them is logged at 1, 2, 4, 8 and so on. */
  #passOver(unreadable: Unreadable): void {
    const count = ++this.#unreadable;
    if ((count & (count - 1)) === 0)
      this.#deps.log.warn({ ...unreadable, count }, 'a message of the controller cannot be decoded and was passed over');
    this.#deps.outbox.unreadable(unreadable);
  }

  #ping(sentAtMs: bigint): void {
    if (!this.#deps.controllerClock.hear(Number(sentAtMs)))
      return this.redial('the controller’s clock was set back; its time is measured again');
    this.#deps.outbox.pong(sentAtMs);
  }
}

function send(call: ClientDuplexStream<AgentMessage, ControllerMessage>, message: AgentMessage): void {
  call.write(message);
}

function kindOf(incoming: Incoming): string {
  return 'message' in incoming ? (incoming.message.body?.$case ?? 'unknown') : 'unreadable';
}
