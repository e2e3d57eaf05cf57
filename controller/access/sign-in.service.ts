import { Inject, Injectable } from '@nestjs/common';
import { z } from 'zod';
import { FleetError } from '../../proto/model/error-codes.ts';
import { toPrintable } from '../../proto/model/text.ts';
import { AuditService } from '../audit/audit.service.ts';
import { parseBody, remake, type Asking } from './asking.ts';
import { AUTH, type Auth } from './auth.ts';
import { addressKey } from './limit-key.ts';
import { MAX_PASSWORD_LENGTH } from './password.ts';
import { PasswordsService } from './passwords.service.ts';
import { PasswordResetsService } from './password-resets.service.ts';
import { PasskeysService } from './passkeys.service.ts';
import { CHANGE_PASSWORD, SIGN_IN_ACCOUNT, SIGN_IN_ADDRESS, SIGN_IN_KNOWN, SIGN_IN_PAIR } from './rate-limits.ts';
import { RateLimits } from '../platform/rate-limits.ts';
import { SecondFactorsService } from './second-factors.service.ts';
import { SessionsService } from './sessions.service.ts';
import { SignInLinksService } from './sign-in-links.service.ts';

const signIn = z.looseObject({ email: z.string().max(320), password: z.string().max(MAX_PASSWORD_LENGTH) });
const lookAtLink = z.looseObject({ token: z.string().max(200) });
const useLink = z.looseObject({ token: z.string().max(200), password: z.string().max(MAX_PASSWORD_LENGTH) });
const forgot = z.looseObject({ email: z.string().max(320) });
const change = z.looseObject({ currentPassword: z.string().max(MAX_PASSWORD_LENGTH), newPassword: z.string().max(MAX_PASSWORD_LENGTH) });

/**
 * better-auth behind our rate limits, with every sign-in, refusal, sign-out and password change in the audit trail.
 *
 * Guesses are counted three ways. Per account and address: 10, then that address has to wait for that account, and nobody else does. Per
 * address: 60, across all accounts. Per account, across all addresses that never signed in to it: 30 in 15 minutes, so that many addresses
 * together guess at most 120 times an hour; a person who has signed in from the same address before is not affected. Accounts that do not
 * exist are counted the same way.
 */
@Injectable()
export class SignInService {
  constructor(
    @Inject(AUTH) private readonly auth: Auth,
    @Inject(RateLimits) private readonly limits: RateLimits,
    @Inject(AuditService) private readonly audit: AuditService,
    @Inject(SignInLinksService) private readonly links: SignInLinksService,
    @Inject(PasswordsService) private readonly passwords: PasswordsService,
    @Inject(PasswordResetsService) private readonly resets: PasswordResetsService,
    @Inject(SessionsService) private readonly sessions: SessionsService,
    @Inject(PasskeysService) private readonly passkeys: PasskeysService,
    @Inject(SecondFactorsService) private readonly secondFactors: SecondFactorsService,
  ) {}

  /** Forwards a request. Throws RATE_LIMITED, INVALID_REQUEST. */
  async answer(asking: Asking): Promise<Response> {
    switch (asking.path) {
      case '/sign-in/email':
        return this.signIn(asking);
      case '/look-at-link':
        return this.lookAtLink(asking);
      case '/use-link':
        return this.useLink(asking);
      case '/ways':
        return Response.json({ resetsByMail: this.resets.isOffered });
      case '/forgot-password':
        return this.forgotPassword(asking);
      case '/change-password':
        return this.changePassword(asking);
      case '/sign-out':
        return this.signOut(asking);
      case '/get-session':
        return this.auth.handler(asking.request);
      default:
        return asking.path.startsWith('/passkey/') ? this.passkeys.answer(asking) : this.secondFactors.answer(asking);
    }
  }

  private async lookAtLink({ body, address }: Asking): Promise<Response> {
    await this.limits.take(SIGN_IN_ADDRESS, addressKey(address));
    return Response.json(await this.links.look(parseBody(lookAtLink, body).token));
  }

  /** Sets the password, and signs the person in with it; a second factor is asked for as ever. */
  private async useLink({ path, request, body, address }: Asking): Promise<Response> {
    const { token, password } = parseBody(useLink, body);
    await this.limits.take(SIGN_IN_ADDRESS, addressKey(address));
    const email = await this.links.use(token, password, address);
    const own = { email, password };
    return this.signIn({ path: '/sign-in/email', address, body: own, request: remake({ path, request }, own, '/sign-in/email') });
  }

  /** The same answer for every address, and as fast. */
  private async forgotPassword({ body, address }: Asking): Promise<Response> {
    await this.resets.ask(toAccount(parseBody(forgot, body).email), address);
    return Response.json({});
  }

  /** The password; whoever has a second factor gets no session by it, but ten minutes to prove that too. */
  private async signIn(asking: Asking): Promise<Response> {
    const { address } = asking;
    const own = parseBody(signIn, asking.body);
    const email = toAccount(own.email);
    const from = addressKey(address);
    const pair = JSON.stringify([email, from]);
    await this.limits.take(SIGN_IN_ADDRESS, from);
    const tries = await this.limits.take(SIGN_IN_PAIR, pair);
    const isKnown = await this.limits.isRemembered(SIGN_IN_KNOWN, pair);
    if (!isKnown) await this.limits.take(SIGN_IN_ACCOUNT, email);
    const response = await this.auth.handler(remake(asking, { email: own.email, password: own.password }));
    if (response.ok) {
      await this.limits.forgive(SIGN_IN_PAIR, pair);
      await this.limits.giveBack(SIGN_IN_ADDRESS, from);
      if (!isKnown) await this.limits.giveBack(SIGN_IN_ACCOUNT, email);
      const said = (await response.clone().json()) as { user?: { id: string; name: string; email: string } };
      if (said.user) await this.sessions.begun({ ...said.user, userId: said.user.id }, address, 'password');
      else await this.audit.recordSession({ action: 'code-asked', outcome: 'ok', userId: 'unknown', name: email, address });
    } else if (response.status === 401 && (tries === 1 || tries === SIGN_IN_PAIR.tries)) {
      // Only the first and the last guess of a series: those in between add nothing, and a guesser must not fill the trail.
      await this.audit.recordSession({
        action: 'refused',
        outcome: 'refused',
        userId: 'unknown',
        name: email || 'unknown',
        address,
        tries,
      });
    }
    return response;
  }

  /** Ends all other sessions of the person. Throws STEP_UP_REQUIRED. */
  private async changePassword({ path, request, body, address }: Asking): Promise<Response> {
    const { currentPassword, newPassword } = parseBody(change, body);
    const person = await this.sessions.getProved(request.headers);
    const tries = await this.limits.take(CHANGE_PASSWORD, person.userId);
    const problem = await this.passwords.problem(newPassword, [person.name, person.email]);
    if (problem !== undefined)
      throw new FleetError('INVALID_REQUEST', `The new password ${problem}.`, { issues: [{ path: 'body.newPassword', message: problem }] });
    const response = await this.auth.handler(remake({ path, request }, { currentPassword, newPassword, revokeOtherSessions: true }));
    if (response.ok && person.provedAtMs !== undefined) await this.secondFactors.keepProof(response, person.provedAtMs);
    if (response.ok) await this.limits.forgive(CHANGE_PASSWORD, person.userId);
    if (response.ok || tries === 1 || tries === CHANGE_PASSWORD.tries) {
      await this.audit.recordSession({
        userId: person.userId,
        name: person.name,
        action: response.ok ? 'password-changed' : 'password-refused',
        outcome: response.ok ? 'ok' : 'refused',
        address,
        tries,
      });
    }
    return response;
  }

  private async signOut({ request, address }: Asking): Promise<Response> {
    const person = await this.sessions.find(request.headers);
    const response = await this.auth.handler(request);
    if (response.ok && person)
      await this.audit.recordSession({ action: 'signed-out', outcome: 'ok', userId: person.userId, name: person.name, address });
    return response;
  }
}

/** An address as it names an account, and as people can read it. */
function toAccount(email: string): string {
  return toPrintable(email.trim().toLowerCase().slice(0, 200));
}
