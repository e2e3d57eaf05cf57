import { readFileSync, rmSync, truncateSync } from 'node:fs';
import type { Logger } from 'pino';
import { FleetError } from '../proto/model/error-codes.ts';
import type { Clock } from './time/clock.ts';
import { backoffMs } from './link/backoff.ts';
import type { Disk } from './disk/disk.ts';
import { makeKey } from './link/certificate-request.ts';
import { enrolmentKey, forgetEnrolmentKey } from './link/enrolment-key.ts';
import { enrol, parseJoinToken, tokenHash, type JoinToken } from './link/enrol.ts';
import { loadIdentity, saveIdentity, type Identity } from './link/identity.ts';
import { AGENT_VERSION } from './version.ts';

export interface EnrolmentOptions {
  stateDir: string;
  enrolAddress?: string;
  joinToken?: string;
  joinTokenFile?: string;
  /** The name of the site where this gateway stands, for a token of several sites. */
  site?: string;
  linkAddress?: string;
  hostname: string;
  clock: Clock;
  random: () => number;
  log: Logger;
  signal: AbortSignal;
  /** How a new gateway asks; absent: over a connection of its own. */
  enrol?: typeof enrol;
  disk?: Disk;
}

/**
 * The identity on disk, or a new one for a join token. A controller that does not answer is asked again; a refusal is final. With an
 * identity on disk, a token that was not tried before is for this same gateway, and replaces its identity: it is tried once, and whatever
 * is wrong with it, the identity on disk stays. Throws INVALID_REQUEST where there is neither identity nor token, JOIN_TOKEN_REFUSED for a
 * token that is no good. A file that the token came from is removed once it was used.
 */
export async function identityOf(options: EnrolmentOptions): Promise<Identity> {
  const { stateDir, enrolAddress, linkAddress } = options;
  const known = loadIdentity(stateDir, options.disk);
  const dialled = (identity: Identity): Identity => ({ ...identity, linkAddress: linkAddress ?? identity.linkAddress });
  if (known) return dialled(await again(options, known));
  const text = tokenText(options, false);
  if (!text || !enrolAddress)
    throw new FleetError(
      'INVALID_REQUEST',
      `This gateway is not enrolled (nothing in ${stateDir}). Make a join token in the console and set CTFLEET_ENROL_ADDRESS and CTFLEET_JOIN_TOKEN_FILE or CTFLEET_JOIN_TOKEN.`,
    );
  const identity = reachable(await untilEnrolled(options, enrolAddress, parseJoinToken(text)), enrolAddress, options.log);
  keep(options, identity, 'enrolled');
  forgetEnrolmentKey(stateDir, options.disk);
  return dialled(identity);
}

/** An identity that a join token gave, on disk from now on. */
function keep({ stateDir, joinToken, joinTokenFile, log, disk }: EnrolmentOptions, identity: Identity, word: string): void {
  saveIdentity(stateDir, identity, disk);
  if (joinToken === undefined && joinTokenFile !== undefined) forgetToken(joinTokenFile, log);
  log.info({ gateway: identity.gatewayName, id: identity.gatewayId }, word);
}

/**
 * A controller on another machine that says its link is at a loopback address, as one does that was started to be tried: the link is then
 * looked for where enrolment found the controller, by the link's port. Its certificate decides whether that is it.
 */
function reachable(identity: Identity, enrolAddress: string, log: Logger): Identity {
  const [told, used] = [identity.linkAddress, enrolAddress].map((text) => /^(.+):(\d{1,5})$/.exec(text));
  if (!told || !used || !isLoopback(told[1]!) || isLoopback(used[1]!)) return identity;
  const linkAddress = `${used[1]}:${told[2]}`;
  log.warn(
    { told: identity.linkAddress, linkAddress },
    'the controller names a loopback address for its link; its enrolment address is tried',
  );
  return { ...identity, linkAddress };
}

function isLoopback(host: string): boolean {
  return /^(?:localhost|127(?:\.\d{1,3}){3}|\[?::1\]?)$/i.test(host);
}

/**
 * Asks until there is an answer, and then until a person has decided, if that is needed. The key stays the same throughout, also after a
 * restart.
 */
async function untilEnrolled(
  { stateDir, hostname, site, clock, random, log, signal, disk, enrol: ask = enrol }: EnrolmentOptions,
  address: string,
  token: JoinToken,
): Promise<Identity> {
  const key = await enrolmentKey(stateDir, { tokenHash: tokenHash(token), hostname, site }, disk);
  for (let [failures, asked] = [0, 0]; ;) {
    let waitMs: number;
    try {
      const answer = await ask(address, token, key, { hostname, version: AGENT_VERSION, site }, signal);
      if (answer.kind === 'enrolled') return answer.identity;
      failures = 0;
      waitMs = askAgainMs(answer.askAgainMs, random);
      // Again and again it would fill the log: the 1st, 2nd, 4th, 8th time.
      if (Number.isInteger(Math.log2(++asked)))
        log.warn({ fingerprint: answer.fingerprint, hostname, site }, 'awaiting approval: compare this fingerprint with the console’s');
    } catch (error) {
      if (!(error instanceof FleetError && error.code === 'UNAVAILABLE') || signal.aborted) throw error;
      waitMs = Math.max(backoffMs(failures++, random), Number(error.fields.retryAfterMs ?? 0));
      log.warn({ reason: error.message, waitMs }, 'the controller does not answer');
    }
    await clock.delay(waitMs, signal);
    if (signal.aborted) throw new FleetError('UNAVAILABLE', 'The agent was stopped before it was enrolled.');
  }
}

/** As long as the controller says, give or take a quarter, so that agents do not come together; between a second and ten minutes. */
function askAgainMs(toldMs: number, random: () => number): number {
  return Math.min(600_000, Math.max(1000, Math.floor(toldMs * (0.75 + random() / 2))));
}

/**
 * A new identity for the same gateway, or the known one: no token, file or disk may stop a gateway that is enrolled. A token that was
 * refused is remembered, so that a restart does not try it again.
 */
async function again(options: EnrolmentOptions, known: Identity): Promise<Identity> {
  const { stateDir, enrolAddress, hostname, log, signal } = options;
  let refused: JoinToken | undefined;
  try {
    const text = tokenText(options, true);
    if (!text || !enrolAddress) return known;
    const token = parseJoinToken(text);
    if (known.tokenHash === tokenHash(token)) return known;
    refused = token;
    const key = await makeKey(hostname);
    const answer = await enrol(enrolAddress, token, key, { hostname, version: AGENT_VERSION, gatewayId: known.gatewayId }, signal);
    refused = undefined;
    if (answer.kind !== 'enrolled') return known;
    const identity = reachable(answer.identity, enrolAddress, log);
    keep(options, identity, 'enrolled again');
    return identity;
  } catch (error) {
    if (signal.aborted) throw error;
    log.warn({ err: error, gateway: known.gatewayName }, 'the join token was not used; this gateway stays what it is');
    if (refused && error instanceof FleetError && error.code === 'JOIN_TOKEN_REFUSED') remember(stateDir, known, refused, log);
    return known;
  }
}

function remember(stateDir: string, known: Identity, token: JoinToken, log: Logger): void {
  try {
    saveIdentity(stateDir, { ...known, tokenHash: tokenHash(token) });
  } catch (error) {
    log.warn({ err: error }, 'the refused join token could not be remembered, and is tried again at the next start');
  }
}

/** `isOptional`: a used file is removed, while its setting stays. */
function tokenText({ joinToken, joinTokenFile: file }: EnrolmentOptions, isOptional: boolean): string | undefined {
  if (joinToken !== undefined || file === undefined) return joinToken;
  try {
    return readFileSync(file, 'utf8').trim();
  } catch (cause) {
    if (isOptional && (cause as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw new FleetError('INVALID_REQUEST', `CTFLEET_JOIN_TOKEN_FILE cannot be read: ${(cause as Error).message}`, { file }, { cause });
  }
}

/** A used token is worth nothing, and still need not lie about. */
function forgetToken(file: string, log: Logger): void {
  for (const forget of [() => rmSync(file), () => truncateSync(file)]) {
    try {
      return forget();
    } catch {
      /* the folder may not be ours, the file may be read-only */
    }
  }
  log.warn({ file }, 'the used join token could be neither removed nor emptied; remove it');
}
