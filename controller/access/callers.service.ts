import { Inject, Injectable } from '@nestjs/common';
import type { Action } from '../../proto/model/access.ts';
import { CLOCK, type Clock } from '../platform/clock.ts';
import { isSecret } from '../platform/secret.ts';
import type { TenantScope } from '../platform/tenant-scope.ts';
import { parseApiToken } from './secret-texts.ts';
import { AUTH, type Auth } from './auth.ts';
import { scopeOf, type Caller, type Credentials } from '../platform/caller.ts';
import { CallersRepository, toGrant } from './callers.repository.ts';

/** Identifies the caller, by API token or by session cookie. If a request carries both, the token counts. */
@Injectable()
export class CallersService {
  constructor(
    @Inject(AUTH) private readonly auth: Auth,
    @Inject(CallersRepository) private readonly callers: CallersRepository,
    @Inject(CLOCK) private readonly clock: Clock,
  ) {}

  /** The caller; undefined if there is none, or if the credentials are no longer valid. */
  async resolve(credentials: Credentials): Promise<Caller | undefined> {
    if (credentials.authorization !== undefined) return this.fromToken(credentials.authorization);
    if (credentials.cookie !== undefined) return this.fromCookie(credentials.cookie);
    return undefined;
  }

  /**
   * True while the caller's session or token is valid and the caller's roles still allow the action everywhere they did when the call
   * began.
   */
  async isStillAllowed(call: { credentials: Credentials; scope: TenantScope }, action: Action): Promise<boolean> {
    const caller = await this.resolve(call.credentials);
    if (!caller) return false;
    const scope = scopeOf(caller, action);
    if (scope === 'all') return true;
    return call.scope !== 'all' && [...call.scope].every((tenantId) => scope.has(tenantId));
  }

  private async fromToken(authorization: string): Promise<Caller | undefined> {
    const parsed = parseApiToken(/^Bearer (\S+)$/i.exec(authorization)?.[1] ?? '');
    if (!parsed) return undefined;
    const token = await this.callers.findToken(parsed.id);
    const now = new Date(this.clock());
    if (!token || !isSecret(parsed.secret, token.secretHash) || token.revokedAt || token.expiresAt <= now || token.user.suspendedAt)
      return undefined;
    if (!token.lastUsedAt || now.getTime() - token.lastUsedAt.getTime() > 60_000) await this.callers.touchToken(token.id, now);
    return {
      kind: 'token',
      id: token.id,
      name: token.name,
      userId: token.userId,
      grants: [toGrant(token)],
      ceiling: token.user.grants.map(toGrant),
    };
  }

  private async fromCookie(cookie: string): Promise<Caller | undefined> {
    const found = await this.auth.api.getSession({ headers: new Headers({ cookie }) });
    if (!found) return undefined;
    const { user } = found;
    return { kind: 'user', id: user.id, name: user.name, userId: user.id, email: user.email, grants: await this.callers.grantsOf(user.id) };
  }
}
