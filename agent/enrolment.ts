import { readFileSync, rmSync, truncateSync } from 'node:fs';
import type { Logger } from 'pino';
import { FleetError } from '../proto/model/error-codes.ts';
import type { Clock } from './time/clock.ts';
import { backoffMs } from './link/backoff.ts';
import { enrol, parseJoinToken, tokenHash, type JoinToken } from './link/enrol.ts';
import { loadIdentity, saveIdentity, type Identity } from './link/identity.ts';
import { AGENT_VERSION } from './version.ts';

export interface EnrolmentOptions {
  stateDir: string;
  enrolAddress?: string;
  joinToken?: string;
  joinTokenFile?: string;
  linkAddress?: string;
  hostname: string;
  clock: Clock;
  random: () => number;
  log: Logger;
  signal: AbortSignal;
}

/**
 * The identity on disk, or a new one for a join token. A controller that does not answer is asked again; a refusal is final. With an
 * identity on disk, a token that was not tried before is for this same gateway, whose identity is to begin anew: it is tried once, and if
 * it is refused, or nobody answers, the identity on disk stays. Throws INVALID_REQUEST where there is neither identity nor token,
 * JOIN_TOKEN_REFUSED for a token that is no good. A file that the token came from is removed once it was used.
 */
export async function identityOf(options: EnrolmentOptions): Promise<Identity> {
  const { stateDir, enrolAddress, joinToken: givenToken, joinTokenFile, linkAddress, log } = options;
  const known = loadIdentity(stateDir);
  const isFile = givenToken === undefined && joinTokenFile !== undefined;
  const text = isFile ? readToken(joinTokenFile, known !== undefined) : givenToken;
  const dialled = (identity: Identity): Identity => ({ ...identity, linkAddress: linkAddress ?? identity.linkAddress });
  if (!text || !enrolAddress) {
    if (known) return dialled(known);
    throw new FleetError(
      'INVALID_REQUEST',
      `This gateway is not enrolled (nothing in ${stateDir}). Make a join token in the console and set CTFLEET_ENROL_ADDRESS and CTFLEET_JOIN_TOKEN_FILE or CTFLEET_JOIN_TOKEN.`,
    );
  }
  const token = parseJoinToken(text);
  if (known?.tokenHash === tokenHash(token)) return dialled(known);
  const identity = known ? await again(options, enrolAddress, token, known) : await untilEnrolled(options, enrolAddress, token);
  if (identity === known) return dialled(known);
  saveIdentity(stateDir, identity);
  if (isFile) forgetToken(joinTokenFile, log);
  log.info({ gateway: identity.gatewayName, id: identity.gatewayId }, known ? 'enrolled again' : 'enrolled');
  return dialled(identity);
}

async function untilEnrolled(
  { hostname, clock, random, log, signal }: EnrolmentOptions,
  address: string,
  token: JoinToken,
): Promise<Identity> {
  for (let attempt = 0; ; attempt++) {
    try {
      return await enrol(address, token, { hostname, version: AGENT_VERSION }, signal);
    } catch (error) {
      if (!(error instanceof FleetError && error.code === 'UNAVAILABLE') || signal.aborted) throw error;
      const waitMs = backoffMs(attempt, random);
      log.warn({ reason: error.message, waitMs }, 'the controller does not answer');
      await clock.delay(waitMs, signal);
    }
  }
}

/** A new identity for the same gateway, or the known one. A token that was refused is remembered, so that a restart does not try it again. */
async function again(
  { stateDir, hostname, log, signal }: EnrolmentOptions,
  address: string,
  token: JoinToken,
  known: Identity,
): Promise<Identity> {
  try {
    return await enrol(address, token, { hostname, version: AGENT_VERSION, gatewayId: known.gatewayId }, signal);
  } catch (error) {
    if (!(error instanceof FleetError) || signal.aborted) throw error;
    log.warn({ reason: error.message, gateway: known.gatewayName }, 'the join token was not used; this gateway stays what it is');
    if (error.code === 'JOIN_TOKEN_REFUSED') saveIdentity(stateDir, { ...known, tokenHash: tokenHash(token) });
    return known;
  }
}

/** `isOptional`: once used it is removed, while the setting stays. */
function readToken(file: string, isOptional: boolean): string | undefined {
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
