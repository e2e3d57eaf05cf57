import { Inject, Injectable } from '@nestjs/common';
import { z } from 'zod';
import { FleetError } from '../../proto/model/error-codes.ts';
import { AuditService } from '../audit/audit.service.ts';
import { Database } from '../platform/database.ts';
import { RateLimits } from '../platform/rate-limits.ts';
import { parseBody, remake, withCookies, type Asking } from './asking.ts';
import { AUTH, type Auth } from './auth.ts';
import { addressKey } from './limit-key.ts';
import { MAX_PASSWORD_LENGTH } from './password.ts';
import { CHANGE_PASSWORD, CODE_ACCOUNT, CODE_ONCE, CODE_PAIR, SIGN_IN_KNOWN } from './rate-limits.ts';
import { SecondFactorsRepository } from './second-factors.repository.ts';
import { SessionsService, type SignedIn } from './sessions.service.ts';

const withPassword = z.looseObject({ password: z.string().max(MAX_PASSWORD_LENGTH) });
const spaceless = z
  .string()
  .max(40)
  .transform((text) => text.replaceAll(/\s/g, ''));
const totp = z.looseObject({ code: spaceless.pipe(z.string().regex(/^\d{6}$/, 'has six digits')) });
const recovery = z.looseObject({ code: spaceless.pipe(z.string().regex(/^[A-Za-z0-9]{5}-[A-Za-z0-9]{5}$/, 'looks like abcde-FGH12')) });

/** Who enters a code: somebody who is signed in, or somebody who has entered the password and is not yet. */
type Subject = { userId: string; name: string; email: string; signedIn?: SignedIn; isConfirmed: boolean };

/**
 * Codes of an authenticator app and recovery codes: better-auth's plugin behind our limits and in the audit trail. What the plugin accepts
 * and we do not: a code a second time, a secret that was never confirmed at a sign-in, a browser that is trusted from then on.
 *
 * Wrong codes are counted per account and address, and per account across all addresses that never signed in to it, as passwords are: a
 * stranger who knows the password guesses at most 480 codes of a million a day and keeps nobody out.
 */
@Injectable()
export class SecondFactorsService {
  constructor(
    @Inject(AUTH) private readonly auth: Auth,
    @Inject(SessionsService) private readonly sessions: SessionsService,
    @Inject(SecondFactorsRepository) private readonly factors: SecondFactorsRepository,
    @Inject(RateLimits) private readonly limits: RateLimits,
    @Inject(AuditService) private readonly audit: AuditService,
    @Inject(Database) private readonly database: Database,
  ) {}

  async answer(asking: Asking): Promise<Response> {
    switch (asking.path) {
      case '/two-factor/verify-totp':
        return this.verify(asking, parseBody(totp, asking.body).code, 'code');
      case '/two-factor/verify-backup-code':
        return this.verify(asking, parseBody(recovery, asking.body).code, 'recovery code');
      case '/two-factor/enable':
        return this.withPassword(asking);
      case '/two-factor/generate-backup-codes':
        return this.withPassword(asking, 'recovery-codes-made');
      case '/two-factor/disable':
        return this.withPassword(asking, 'totp-removed');
      default:
        throw new FleetError('NOT_FOUND', 'Nothing exists at this address.');
    }
  }

  /** Where the library replaced a session that had proved a second factor: the proof still holds, and is as old as it was. */
  async keepProof(response: Response, provedAtMs: number): Promise<void> {
    const token = sessionTokenOf(response);
    if (token !== undefined) await this.sessions.markProved({ token }, provedAtMs);
  }

  /** A code at a sign-in, the first one of a new secret, or a proof within a session. */
  private async verify(asking: Asking, code: string, by: 'code' | 'recovery code'): Promise<Response> {
    const { address } = asking;
    const subject = await this.subjectOf(asking);
    const { userId, name, email, signedIn, isConfirmed } = subject;
    if (!isConfirmed && (!signedIn || by === 'recovery code'))
      throw new FleetError('SECOND_FACTOR_REFUSED', 'No codes are set up for this account. Use your passkey.');
    // Else whoever made the secret, before there was a passkey, would prove this session with it.
    if (!isConfirmed && signedIn?.hasSecondFactor) await this.sessions.getProved(asking.request.headers);
    const from = addressKey(address);
    const pair = JSON.stringify([userId, from]);
    const tries = await this.limits.take(CODE_PAIR, pair);
    const isKnown = await this.limits.isRemembered(SIGN_IN_KNOWN, JSON.stringify([email, from]));
    if (!isKnown) await this.limits.take(CODE_ACCOUNT, userId);
    // Also of two who enter the same code at one moment, one is refused.
    const response = (await this.limits.isFirst(CODE_ONCE, JSON.stringify([userId, code])))
      ? await this.auth.handler(remake(asking, { code }))
      : undefined;
    if (!response?.ok) {
      if (tries === 1 || tries === CODE_PAIR.tries)
        await this.audit.recordSession({ action: 'code-refused', outcome: 'refused', userId, name, address, tries, by });
      throw new FleetError('SECOND_FACTOR_REFUSED', 'This code is wrong, or was used before. Wait for the next one.');
    }
    await this.limits.forgive(CODE_PAIR, pair);
    if (!isKnown) await this.limits.giveBack(CODE_ACCOUNT, userId);
    const token = sessionTokenOf(response);
    if (token !== undefined) await this.sessions.markProved({ token });
    else if (signedIn) await this.sessions.markProved({ id: signedIn.sessionId });
    const said = { outcome: 'ok', userId, name, address } as const;
    if (by === 'recovery code') await this.audit.recordSession({ ...said, action: 'recovery-code-used' });
    if (!signedIn) await this.sessions.begun(subject, address, by);
    else if (!isConfirmed) await this.audit.recordSession({ ...said, action: 'totp-added' });
    else await this.audit.recordSession({ ...said, action: 'proved', by });
    return withCookies(response);
  }

  /** What needs the password again, and a proof of those who have a second factor already. */
  private async withPassword(asking: Asking, action?: 'recovery-codes-made' | 'totp-removed'): Promise<Response> {
    const { address, request } = asking;
    const { password } = parseBody(withPassword, asking.body);
    const { userId, name, provedAtMs } = await this.sessions.getProved(request.headers);
    const tries = await this.limits.take(CHANGE_PASSWORD, userId);
    const response = await this.auth.handler(remake(asking, { password }));
    if (!response.ok) {
      const said = (await response
        .clone()
        .json()
        .catch(() => ({}))) as { code?: string };
      if (said.code === 'TOTP_ALREADY_ENABLED') throw new FleetError('ALREADY_EXISTS', 'Codes are set up already. Remove them first.');
      if (said.code === 'TWO_FACTOR_NOT_ENABLED') throw new FleetError('NOT_FOUND', 'No codes are set up for this account.');
      if (tries === 1 || tries === CHANGE_PASSWORD.tries)
        await this.audit.recordSession({ action: 'password-refused', outcome: 'refused', userId, name, address, tries });
      throw new FleetError('FORBIDDEN', 'This is not your password.');
    }
    await this.limits.forgive(CHANGE_PASSWORD, userId);
    if (action === 'totp-removed') {
      await this.database.transact('all', (t) => this.factors.recount(t, userId));
      if (provedAtMs !== undefined) await this.keepProof(response, provedAtMs);
    }
    if (action) await this.audit.recordSession({ action, outcome: 'ok', userId, name, address });
    return response;
  }

  private async subjectOf({ request }: Asking): Promise<Subject> {
    const signedIn = await this.sessions.find(request.headers);
    const challenged = signedIn ? undefined : (await this.auth.api.challengedPerson({ headers: request.headers })).userId;
    const userId = signedIn?.userId ?? challenged ?? undefined;
    const person = userId === undefined ? undefined : await this.database.transact('all', (t) => this.factors.find(t, userId));
    if (!person || person.suspendedAt)
      throw new FleetError('UNAUTHENTICATED', 'Too much time has passed. Enter e-mail and password again.');
    return { userId: person.id, name: person.name, email: person.email, signedIn, isConfirmed: person.twoFactor?.verified === true };
  }
}

/** The token of the session that an answer's cookie begins; undefined if it begins none. */
function sessionTokenOf({ headers }: Response): string | undefined {
  for (const cookie of headers.getSetCookie()) {
    const [, value] = /^(?:__Secure-)?ctfleet\.session_token=([^;]+)/.exec(cookie) ?? [];
    if (value !== undefined) return decodeURIComponent(value).split('.')[0];
  }
  return undefined;
}
