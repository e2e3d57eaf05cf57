import { Inject, Injectable } from '@nestjs/common';
import { FleetError } from '../../proto/model/error-codes.ts';
import { AuditService } from '../audit/audit.service.ts';
import { RateLimit, RateLimits } from '../platform/rate-limits.ts';

/** Refused join tokens per address. */
const ENROL_ADDRESS = new RateLimit('enrol-address', { tries: 30, seconds: 60 });
/** What whoever has not proved a live token learns, whatever is wrong with it. */
const SAME_WORDS = 'This join token is invalid or has expired. Create a new one in the console.';

/** What of a token a refusal is recorded with; `words` follow "A join token for". */
export interface RefusedToken {
  id: string;
  tenantId: string;
  words: string;
}

/** Refuses join tokens: counts per address, and records the reason. */
@Injectable()
export class EnrolmentRefusals {
  constructor(
    @Inject(AuditService) private readonly audit: AuditService,
    @Inject(RateLimits) private readonly limits: RateLimits,
  ) {}

  /**
   * Throws RATE_LIMITED for an address that was refused too often; valid tokens cost nothing, so a whole fleet may enrol from behind one
   * address.
   */
  async check(address: string): Promise<void> {
    await this.limits.check(ENROL_ADDRESS, address);
  }

  /** Throws JOIN_TOKEN_REFUSED. `told`: for an agent that holds a live token, what to do about it. */
  async refuse(why: string, token: RefusedToken | undefined, address: string, told = SAME_WORDS): Promise<never> {
    await this.limits.take(ENROL_ADDRESS, address);
    await this.audit.recordOften(
      {
        tenantId: token?.tenantId,
        actor: { kind: 'system', id: 'enrolment', name: 'enrolment' },
        action: 'enrolment.refused',
        outcome: 'refused',
        summary: token ? `A join token for ${token.words} was refused: ${why}` : 'An unknown join token was refused',
        detail: { why, address, tokenId: token?.id },
      },
      `${address} ${why} ${token?.id ?? ''}`,
    );
    throw new FleetError('JOIN_TOKEN_REFUSED', told);
  }
}
