import type { Logger } from 'pino';
import { FleetError } from '../proto/model/error-codes.ts';
import type { Clock } from './clock.ts';
import { backoffMs } from './link/backoff.ts';
import { enrol, parseJoinToken } from './link/enrol.ts';
import { loadIdentity, saveIdentity, type Identity } from './link/identity.ts';
import { AGENT_VERSION } from './version.ts';

export interface EnrolmentOptions { stateDir: string; enrolAddress?: string; joinToken?: string; linkAddress?: string; hostname: string; clock: Clock; random: () => number; log: Logger; signal: AbortSignal }

/**
 * The identity on disk, or a new one for a join token. A controller that does not answer is asked again; a refusal is final.
 * Throws INVALID_REQUEST where there is neither identity nor token, JOIN_TOKEN_REFUSED for a token that is no good.
 */
export async function identityOf({ stateDir, enrolAddress, joinToken, linkAddress, hostname, clock, random, log, signal }: EnrolmentOptions): Promise<Identity> {
  const known = loadIdentity(stateDir);
  if (known) return { ...known, linkAddress: linkAddress ?? known.linkAddress };
  if (!joinToken || !enrolAddress) throw new FleetError('INVALID_REQUEST', `This gateway is not enrolled (nothing in ${stateDir}). Make a join token in the console and set CTFLEET_ENROL_ADDRESS and CTFLEET_JOIN_TOKEN.`);
  const token = parseJoinToken(joinToken);
  for (let attempt = 0; ; attempt++) {
    try {
      const identity = await enrol(enrolAddress, token, { hostname, version: AGENT_VERSION }, signal);
      saveIdentity(stateDir, identity);
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
