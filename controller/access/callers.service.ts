import { Inject, Injectable } from '@nestjs/common';
import type { Action } from '../../proto/model/access.ts';
import { CLOCK, type Clock } from '../platform/clock.ts';
import { CONFIG, type Config } from '../platform/config.ts';
import { isSecret } from '../platform/secret.ts';
import type { TenantScope } from '../platform/tenant-scope.ts';
import { parseApiToken } from './secret-texts.ts';
import { scopeOf, whyNotAdmitted, type Caller, type Credentials } from '../platform/caller.ts';
import { CallersRepository, toGrant } from './callers.repository.ts';
import { SessionsService } from './sessions.service.ts';

/** Identifies the caller, by API token or by session cookie. If a request carries both, the token counts. */
@Injectable()
export class CallersService {
  constructor(
    @Inject(SessionsService) private readonly sessions: SessionsService,
    @Inject(CallersRepository) private readonly callers: CallersRepository,
    @Inject(CLOCK) private readonly clock: Clock,
    @Inject(CONFIG) private readonly config: Config,
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
    if (!caller || whyNotAdmitted(caller, action)) return false;
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
    const found = await this.sessions.find(new Headers({ cookie }));
    if (!found) return undefined;
    const { userId, name, email, sessionId, begunAtMs, hasSecondFactor, provedAtMs } = found;
    const [grants, isDemanded] = await Promise.all([this.callers.grantsOf(userId), this.callers.isSecondFactorDemanded(userId)]);
    return {
      kind: 'user',
      id: userId,
      name,
      userId,
      email,
      grants,
      session: {
        id: sessionId,
        begunAtMs,
        hasSecondFactor,
        isSecondFactorDemanded: isDemanded || this.config.isSecondFactorDemanded,
        provedAtMs,
      },
    };
  }
}
