import { Inject, Injectable } from '@nestjs/common';
import type { Action } from '../../proto/model/access.ts';
import { CLOCK, type Clock } from '../platform/clock.ts';
import { CONFIG, type Config } from '../platform/config.ts';
import { isSecret } from '../platform/secret.ts';
import type { TenantScope } from '../platform/tenant-scope.ts';
import { parseBearer } from './secret-texts.ts';
import { scopeOf, whyNotAdmitted, type Caller, type Credentials } from '../platform/caller.ts';
import { CallersRepository, TOUCH_MS } from './callers.repository.ts';
import { SessionsService } from './sessions.service.ts';

/**
 * Identifies the caller: by API token, by the secret of a service account or by session cookie. Beside another secret a cookie does not
 * count.
 */
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
    if (credentials.authorization !== undefined) return this.fromBearer(credentials.authorization);
    if (credentials.cookie !== undefined) return this.fromCookie(credentials.cookie);
    return undefined;
  }

  /**
   * True while the caller's session or secret is valid and the caller's roles still allow the action everywhere they did when the call
   * began.
   */
  async isStillAllowed(call: { credentials: Credentials; scope: TenantScope }, action: Action): Promise<boolean> {
    const caller = await this.resolve(call.credentials);
    if (!caller || whyNotAdmitted(caller, action)) return false;
    const scope = scopeOf(caller, action);
    if (scope === 'all') return true;
    return call.scope !== 'all' && [...call.scope].every((tenantId) => scope.has(tenantId));
  }

  private async fromBearer(authorization: string): Promise<Caller | undefined> {
    const text = parseBearer(/^Bearer (\S+)$/i.exec(authorization)?.[1] ?? '');
    const bearer = text && (await this.callers.findBearer(text));
    const now = new Date(this.clock());
    if (!bearer || !isSecret(text.secret, bearer.secretHash) || bearer.isEnded || bearer.expiresAt <= now) return undefined;
    if (!bearer.lastUsedAt || now.getTime() - bearer.lastUsedAt.getTime() > TOUCH_MS) await this.callers.touch(text, now);
    return bearer.caller;
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
