import { Inject, Injectable } from '@nestjs/common';
import { z } from 'zod';
import { FleetError } from '../../proto/model/error-codes.ts';
import { toPrintable } from '../../proto/model/text.ts';
import { AuditService } from '../audit/audit.service.ts';
import { CLOCK, type Clock } from '../platform/clock.ts';
import { Database } from '../platform/database.ts';
import { invalidRequest } from '../platform/problem.ts';
import { AUTH, type Auth } from './auth.ts';
import { addressKey } from './limit-key.ts';
import { MAX_PASSWORD_LENGTH, passwordProblem } from './password.ts';
import { CHANGE_PASSWORD, SIGN_IN_ACCOUNT, SIGN_IN_ADDRESS, SIGN_IN_KNOWN, SIGN_IN_PAIR } from './rate-limits.ts';
import { RateLimits } from '../platform/rate-limits.ts';
import { SignInLinksService } from './sign-in-links.service.ts';

const signIn = z.looseObject({ email: z.string().max(320), password: z.string().max(MAX_PASSWORD_LENGTH) });
const lookAtLink = z.looseObject({ token: z.string().max(200) });
const useLink = z.looseObject({ token: z.string().max(200), password: z.string().max(MAX_PASSWORD_LENGTH) });
const change = z.looseObject({ currentPassword: z.string().max(MAX_PASSWORD_LENGTH), newPassword: z.string().max(MAX_PASSWORD_LENGTH) });

/** One request to the sign-in library. `address` is the caller's. */
export interface Asking {
  path: string;
  request: Request;
  body: unknown;
  address: string;
}

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
    @Inject(Database) private readonly database: Database,
    @Inject(CLOCK) private readonly clock: Clock,
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
      case '/change-password':
        return this.changePassword(asking);
      case '/sign-out':
        return this.signOut(asking);
      default:
        return this.auth.handler(asking.request);
    }
  }

  private async lookAtLink({ body, address }: Asking): Promise<Response> {
    await this.limits.take(SIGN_IN_ADDRESS, addressKey(address));
    return Response.json(await this.links.look(parse(lookAtLink, body).token));
  }

  /** Sets the password, and signs the person in with it. */
  private async useLink({ request, body, address }: Asking): Promise<Response> {
    const { token, password } = parse(useLink, body);
    await this.limits.take(SIGN_IN_ADDRESS, addressKey(address));
    const email = await this.links.use(token, password, address);
    const own = { email, password };
    const url = new URL(request.url);
    url.pathname = url.pathname.replace('/use-link', '/sign-in/email');
    return this.signIn({
      path: '/sign-in/email',
      address,
      body: own,
      request: new Request(url, { method: 'POST', headers: request.headers, body: JSON.stringify(own) }),
    });
  }

  private async signIn({ request, body, address }: Asking): Promise<Response> {
    const email = toPrintable(parse(signIn, body).email.trim().toLowerCase().slice(0, 200));
    const from = addressKey(address);
    const pair = JSON.stringify([email, from]);
    await this.limits.take(SIGN_IN_ADDRESS, from);
    const tries = await this.limits.take(SIGN_IN_PAIR, pair);
    const isKnown = await this.limits.isRemembered(SIGN_IN_KNOWN, pair);
    if (!isKnown) await this.limits.take(SIGN_IN_ACCOUNT, email);
    const response = await this.auth.handler(request);
    if (response.ok) {
      await this.limits.forgive(SIGN_IN_PAIR, pair);
      await this.limits.giveBack(SIGN_IN_ADDRESS, from);
      if (!isKnown) await this.limits.giveBack(SIGN_IN_ACCOUNT, email);
      await this.limits.remember(SIGN_IN_KNOWN, pair);
      const { user } = (await response.clone().json()) as { user: { id: string; name: string } };
      await this.database.unscoped.user.updateMany({ where: { id: user.id }, data: { lastSignInAt: new Date(this.clock()) } });
      await this.audit.recordSession({ action: 'signed-in', outcome: 'ok', userId: user.id, name: user.name, address });
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

  /** Ends all other sessions of the person. */
  private async changePassword({ request, body, address }: Asking): Promise<Response> {
    const { currentPassword, newPassword } = parse(change, body);
    const person = await this.personOf(request);
    if (!person) throw new FleetError('UNAUTHENTICATED', 'Sign in first.');
    const tries = await this.limits.take(CHANGE_PASSWORD, person.userId);
    const problem = passwordProblem(newPassword, [person.name, person.email]);
    if (problem !== undefined)
      throw new FleetError('INVALID_REQUEST', `The new password ${problem}.`, { issues: [{ path: 'body.newPassword', message: problem }] });
    const response = await this.auth.handler(
      new Request(request.url, {
        method: 'POST',
        headers: request.headers,
        body: JSON.stringify({ currentPassword, newPassword, revokeOtherSessions: true }),
      }),
    );
    if (response.ok) await this.limits.forgive(CHANGE_PASSWORD, person.userId);
    if (response.ok || tries === 1 || tries === CHANGE_PASSWORD.tries) {
      await this.audit.recordSession({
        ...person,
        action: response.ok ? 'password-changed' : 'password-refused',
        outcome: response.ok ? 'ok' : 'refused',
        address,
        tries,
      });
    }
    return response;
  }

  private async signOut({ request, address }: Asking): Promise<Response> {
    const person = await this.personOf(request);
    const response = await this.auth.handler(request);
    if (response.ok && person) await this.audit.recordSession({ ...person, action: 'signed-out', outcome: 'ok', address });
    return response;
  }

  private async personOf({ headers }: Request): Promise<{ userId: string; name: string; email: string } | undefined> {
    const found = await this.auth.api.getSession({ headers });
    return found ? { userId: found.user.id, name: found.user.name, email: found.user.email } : undefined;
  }
}

function parse<S extends z.ZodType>(schema: S, body: unknown): z.output<S> {
  const parsed = schema.safeParse(body);
  if (!parsed.success) throw invalidRequest(parsed.error, 'body');
  return parsed.data;
}
