import { Inject, Injectable } from '@nestjs/common';
import { AuditService } from '../audit/audit.service.ts';
import { AUTH, type Auth } from './auth.ts';
import { RateLimits } from './rate-limits.service.ts';

/** better-auth behind our limits, with every sign-in in the audit trail. */
@Injectable()
export class SignInService {
  constructor(
    @Inject(AUTH) private readonly auth: Auth,
    @Inject(RateLimits) private readonly limits: RateLimits,
    @Inject(AuditService) private readonly audit: AuditService,
  ) {}

  /** Passes a request on; `address` is the caller's. Throws RATE_LIMITED. */
  async answer(path: string, request: Request, body: unknown, address: string): Promise<Response> {
    if (path !== '/sign-in/email') return this.auth.handler(request);
    const email = emailOf(body);
    await this.limits.take('sign-in-address', address);
    if (email) await this.limits.take('sign-in-account', email);
    const response = await this.auth.handler(request);
    if (response.ok) {
      await this.limits.forgive('sign-in-account', email);
      await this.limits.giveBack('sign-in-address', address);
      const user = await userOf(response);
      await this.audit.recordSignIn({ outcome: 'ok', userId: user.id, name: user.name, address });
    } else if (response.status === 401) {
      await this.audit.recordSignIn({ outcome: 'refused', userId: 'unknown', name: email || 'unknown', address });
    }
    return response;
  }
}

function emailOf(body: unknown): string {
  return typeof body === 'object' && body !== null && 'email' in body && typeof body.email === 'string' ? body.email.trim().toLowerCase().slice(0, 200) : '';
}

async function userOf(response: Response): Promise<{ id: string; name: string }> {
  const { user } = await response.clone().json() as { user: { id: string; name: string } };
  return user;
}
