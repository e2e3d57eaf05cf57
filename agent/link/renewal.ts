import { createHash, createPrivateKey, X509Certificate } from 'node:crypto';
import { status, type ServiceError } from '@grpc/grpc-js';
import path from 'node:path';
import type { Logger } from 'pino';
import { z } from 'zod';
import { LinkClient, type RenewResponse } from '../../proto/gen/ctfleet/v1/link.ts';
import { FleetError } from '../../proto/model/error-codes.ts';
import type { Disk } from '../disk/disk.ts';
import type { Clock } from '../time/clock.ts';
import type { ControllerClock } from '../time/controller-clock.ts';
import { backoffMs } from './backoff.ts';
import { makeKey } from './certificate-request.ts';
import { linkCredentials, linkOptions } from './credentials.ts';
import { loadIdentity, saveIdentity, type Identity } from './identity.ts';
import { leadsTo, rootsIn } from './trust.ts';

/** A certificate is renewed when this much of its life has passed, and up to a tenth of it later: a fleet enrols together. */
const DUE = 0.5;
const JITTER = 0.1;
const ANSWER_MS = 20_000;
/** A clock that is set, or a gateway that slept, is noticed within this time. */
const MAX_WAIT_MS = 600_000;
/** Nothing is asked more often than this, however short the life of a certificate and whatever a controller says. */
const MIN_WAIT_MS = 1_000;
/** After a success, whatever our clock says. */
const MIN_BETWEEN_MS = 60_000;
/** A refusal waits for a person. */
const REFUSED_MS = 300_000;
/** The controller is away or busy; neither says anything about the certificate. */
const TRY_AGAIN: ReadonlySet<status> = new Set([status.UNAVAILABLE, status.DEADLINE_EXCEEDED, status.RESOURCE_EXHAUSTED, status.CANCELLED]);
const FILE = 'renewal.json';
const pending = z.object({ key: z.string(), csr: z.base64() });

export interface RenewalDependencies {
  identity: Identity;
  stateDir: string;
  disk: Disk;
  clock: Clock;
  controllerClock: Pick<ControllerClock, 'now'>;
  random: () => number;
  log: Logger;
  /** Asks the controller; `askController` but in tests. */
  ask: typeof askController;
  /** The new identity is kept, and is to be used from now on. */
  onRenewed: () => void;
}

/**
 * When a certificate is to be renewed, in milliseconds since 1970. Its own hash decides where in the tenth, so that a restart changes
 * nothing. Throws for a text that is not a certificate.
 */
export function renewalDueAtMs(certificatePem: string): number {
  const { validFromDate, validToDate, raw } = new X509Certificate(certificatePem);
  const lifeMs = validToDate.getTime() - validFromDate.getTime();
  const chance = createHash('sha256').update(raw).digest().readUInt32BE(0) / 2 ** 32;
  return validFromDate.getTime() + lifeMs * (DUE + JITTER * chance);
}

/**
 * Keeps a gateway's certificate from ending, and renews one that has ended while the gateway was away. The new key is on disk before it is
 * asked for, and is asked for again until there is an answer: with another key it would look like another holder of the same certificate.
 */
export class Renewal {
  readonly #deps: RenewalDependencies;
  #identity: Identity;
  #wake: AbortController | undefined;
  #isRefused = false;
  /** When to renew although the certificate is not due, by the controller's clock. */
  #wantedAtMs = Infinity;

  constructor(deps: RenewalDependencies) {
    this.#deps = deps;
    this.#identity = deps.identity;
  }

  /** As it is now; a session begun earlier still has the one before. */
  get identity(): Identity {
    return this.#identity;
  }

  /** The controller refused a session because the certificate has ended, whatever our clock says. */
  certificateEnded(): void {
    this.#isRefused = true;
    this.#wake?.abort();
  }

  /**
   * The controller says which roots to trust, and within which time to renew (0: not) because another authority signs now. A set that our
   * own certificate does not lead to is passed over, with a warning: with it we could not come back. Throws what the disk throws.
   */
  trust(caPem: string, renewWithinMs: number): void {
    const { controllerClock, random, log } = this.#deps;
    const { roots, problem } = readRoots(caPem, this.#identity);
    if (roots === undefined) return log.warn({ reason: problem }, 'the roots that the controller sent are not taken');
    if (roots !== this.#identity.ca) {
      this.#keep({ ...this.#identity, ca: roots });
      log.info('the roots to trust were replaced');
    }
    if (renewWithinMs === 0) this.#wantedAtMs = Infinity;
    else if (this.#wantedAtMs === Infinity) this.#wantedAtMs = controllerClock.now() + renewWithinMs * random();
    this.#wake?.abort();
  }

  /** Renews whenever it is due, until the signal aborts. */
  async run(signal: AbortSignal): Promise<void> {
    const { controllerClock, random, log } = this.#deps;
    let [failures, isFinal] = [0, false];
    while (!signal.aborted) {
      let dueInMs = 0;
      try {
        if (!this.#isRefused) dueInMs = Math.min(renewalDueAtMs(this.#identity.certificate), this.#wantedAtMs) - controllerClock.now();
        if (dueInMs <= 0) await this.#renew(signal);
        if (dueInMs <= 0) [failures, this.#isRefused, this.#wantedAtMs] = [0, false, Infinity];
      } catch (error) {
        if (signal.aborted) return;
        log.error({ err: error, failures }, 'the certificate could not be renewed');
        isFinal = !(error instanceof FleetError && error.code === 'UNAVAILABLE');
        failures += 1;
      }
      const waitMs = failures === 0 ? dueInMs : isFinal ? REFUSED_MS * (1 + random()) : backoffMs(failures, random);
      const leastMs = dueInMs <= 0 && failures === 0 ? MIN_BETWEEN_MS : MIN_WAIT_MS;
      await this.#wait(Math.min(Math.max(waitMs, leastMs), MAX_WAIT_MS), failures === 0, signal);
    }
  }

  /** Waits; cut short by a refusal, but not below a second, unless we wait because an attempt failed. */
  async #wait(ms: number, canBeWoken: boolean, signal: AbortSignal): Promise<void> {
    const { clock } = this.#deps;
    if (!canBeWoken) return clock.delay(ms, signal);
    this.#wake = new AbortController();
    await clock.delay(MIN_WAIT_MS, signal);
    await clock.delay(ms, AbortSignal.any([signal, this.#wake.signal]));
    this.#wake = undefined;
  }

  async #renew(signal: AbortSignal): Promise<void> {
    const { stateDir, disk, log, onRenewed } = this.#deps;
    const { key, csr } = this.#pending() ?? (await this.#begin());
    const answer = await this.#deps.ask(this.#identity, Buffer.from(csr, 'base64'), signal);
    const renewed = accepted(this.#identity, key, answer);
    this.#keep(renewed);
    disk.files.rmSync(path.join(stateDir, FILE), { force: true });
    log.info({ until: new Date(Number(answer.notAfterMs)).toISOString() }, 'certificate renewed');
    onRenewed();
  }

  #keep(identity: Identity): void {
    const { stateDir, disk } = this.#deps;
    // The address in use may be an override of this start.
    saveIdentity(stateDir, { ...identity, linkAddress: loadIdentity(stateDir, disk)?.linkAddress ?? identity.linkAddress }, disk);
    this.#identity = identity;
  }

  /** A key that was asked for before. One that cannot be read is worth nothing. */
  #pending(): z.output<typeof pending> | undefined {
    const { stateDir, disk } = this.#deps;
    try {
      return pending.parse(JSON.parse(disk.files.readFileSync(path.join(stateDir, FILE), 'utf8')));
    } catch {
      return undefined;
    }
  }

  async #begin(): Promise<z.output<typeof pending>> {
    const { key, csr } = await makeKey(this.#identity.gatewayName);
    const begun = { key, csr: csr.toString('base64') };
    this.#deps.disk.write(path.join(this.#deps.stateDir, FILE), `${JSON.stringify(begun)}\n`);
    return begun;
  }
}

/** Asks on a connection of its own, which a certificate that has ended can still open. */
export function askController(identity: Identity, csr: Buffer, signal: AbortSignal): Promise<RenewResponse> {
  const client = new LinkClient(identity.linkAddress, linkCredentials(identity), linkOptions(identity));
  let stop: () => void = () => undefined;
  return new Promise<RenewResponse>((resolve, reject) => {
    const call = client.renew({ csr }, { deadline: Date.now() + ANSWER_MS } as never, (error: ServiceError | null, answer) =>
      error ? reject(refusal(error)) : resolve(answer),
    );
    stop = () => call.cancel();
    signal.addEventListener('abort', stop, { once: true });
  }).finally(() => {
    signal.removeEventListener('abort', stop);
    client.close();
  });
}

function refusal(error: ServiceError): FleetError {
  if (error.code === status.UNIMPLEMENTED)
    return new FleetError(
      'UNAVAILABLE',
      'This controller is older than renewal. Update it, or enrol the gateway again.',
      {},
      { cause: error },
    );
  return new FleetError(
    TRY_AGAIN.has(error.code) ? 'UNAVAILABLE' : 'UNAUTHENTICATED',
    error.details || error.message,
    {},
    { cause: error },
  );
}

/**
 * The identity with the new certificate, and the roots that came with it. Throws INVALID_REQUEST for one that is for another key or
 * gateway, or that does not lead to these roots.
 */
function accepted(identity: Identity, key: string, { certificatePem, caPem }: RenewResponse): Identity {
  const [certificate, authorities] = [Buffer.from(certificatePem).toString('utf8'), Buffer.from(caPem).toString('utf8')];
  try {
    const [before, after] = [new X509Certificate(identity.certificate), new X509Certificate(certificate)];
    if (!after.checkPrivateKey(createPrivateKey(key))) throw new Error('it is for another key');
    if (after.subjectAltName !== before.subjectAltName) throw new Error('it names another gateway');
    const ca = rootsIn(authorities);
    if (!leadsTo(ca, certificate, authorities)) throw new Error('it is not signed by the authority that came with it');
    return { ...identity, key, certificate, ca };
  } catch (cause) {
    throw new FleetError(
      'INVALID_REQUEST',
      `The controller sent a certificate that is no good: ${(cause as Error).message}.`,
      {},
      { cause },
    );
  }
}

/** The roots of a text, if they can be trusted instead of those that we have; otherwise why not. */
function readRoots(
  caPem: string,
  { certificate, ca }: Identity,
): { roots: string; problem?: undefined } | { roots?: undefined; problem: string } {
  try {
    const roots = rootsIn(caPem);
    return leadsTo(roots, certificate, ca) ? { roots } : { problem: 'the controller no longer trusts who signed our certificate' };
  } catch (error) {
    return { problem: (error as Error).message };
  }
}
