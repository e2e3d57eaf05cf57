import { readFileSync, rmSync, truncateSync } from 'node:fs';
import type { Logger } from 'pino';
import { FleetError } from '../proto/model/error-codes.ts';
import type { Clock } from './time/clock.ts';
import { backoffMs } from './link/backoff.ts';
import { enrol, parseJoinToken } from './link/enrol.ts';
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
 * The identity on disk, or a new one for a join token. A controller that does not answer is asked again; a refusal is final.
 * Throws INVALID_REQUEST where there is neither identity nor token, JOIN_TOKEN_REFUSED for a token that is no good. A file that the token
 * came from is removed once it was used.
 */
export async function identityOf({
  stateDir,
  enrolAddress,
  joinToken: givenToken,
  joinTokenFile,
  linkAddress,
  hostname,
  clock,
  random,
  log,
  signal,
}: EnrolmentOptions): Promise<Identity> {
  const known = loadIdentity(stateDir);
  if (known) return { ...known, linkAddress: linkAddress ?? known.linkAddress };
  const joinToken = givenToken ?? (joinTokenFile !== undefined ? readToken(joinTokenFile) : undefined);
  if (!joinToken || !enrolAddress) {
    throw new FleetError(
      'INVALID_REQUEST',
      `This gateway is not enrolled (nothing in ${stateDir}). Make a join token in the console and set CTFLEET_ENROL_ADDRESS and CTFLEET_JOIN_TOKEN_FILE or CTFLEET_JOIN_TOKEN.`,
    );
  }
  const token = parseJoinToken(joinToken);
  for (let attempt = 0; ; attempt++) {
    try {
      const identity = await enrol(enrolAddress, token, { hostname, version: AGENT_VERSION }, signal);
      saveIdentity(stateDir, identity);
      if (joinTokenFile !== undefined && givenToken === undefined) forgetToken(joinTokenFile, log);
      log.info({ gateway: identity.gatewayName, id: identity.gatewayId }, 'enrolled');
      return { ...identity, linkAddress: linkAddress ?? identity.linkAddress };
    } catch (error) {
      if (!(error instanceof FleetError && error.code === 'UNAVAILABLE') || signal.aborted) throw error;
      const waitMs = backoffMs(attempt, random);
      log.warn({ reason: error.message, waitMs }, 'the controller does not answer');
      await clock.delay(waitMs, signal);
    }
  }
}

function readToken(file: string): string {
  try {
    return readFileSync(file, 'utf8').trim();
  } catch (cause) {
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
