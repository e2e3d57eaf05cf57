import { Inject, Injectable } from '@nestjs/common';
import type { z } from 'zod';
import type { ownSession } from '../../proto/http/account.ts';
import { FleetError } from '../../proto/model/error-codes.ts';
import { AuditService } from '../audit/audit.service.ts';
import { isProofFresh, proofNeeded, type Caller } from '../platform/caller.ts';
import { CLOCK, type Clock } from '../platform/clock.ts';
import { AUTH, type Auth } from './auth.ts';
import { SIGN_IN_KNOWN } from './rate-limits.ts';
import { RateLimits } from '../platform/rate-limits.ts';
import { addressKey } from './limit-key.ts';
import { SessionsRepository } from './sessions.repository.ts';

/** Who is signed in, by the cookie of a request. */
export interface SignedIn {
  userId: string;
  name: string;
  email: string;
  sessionId: string;
  begunAtMs: number;
  hasSecondFactor: boolean;
  /** When this session last proved a second factor. */
  provedAtMs?: number;
}
type SessionView = z.output<typeof ownSession>;

/** Sessions: whose they are, what they have proved, and their end. */
@Injectable()
export class SessionsService {
  constructor(
    @Inject(AUTH) private readonly auth: Auth,
    @Inject(SessionsRepository) private readonly sessions: SessionsRepository,
    @Inject(RateLimits) private readonly limits: RateLimits,
    @Inject(AuditService) private readonly audit: AuditService,
    @Inject(CLOCK) private readonly clock: Clock,
  ) {}

  /** Undefined if the cookie is of no session that is still valid. */
  async find(headers: Headers): Promise<SignedIn | undefined> {
    const found = await this.auth.api.getSession({ headers });
    if (!found) return undefined;
    const { user, session } = found;
    return {
      userId: user.id,
      name: user.name,
      email: user.email,
      sessionId: session.id,
      begunAtMs: session.createdAt.getTime(),
      hasSecondFactor: user.twoFactorEnabled ?? false,
      provedAtMs: session.secondFactorAt?.getTime(),
    };
  }

  /** Throws UNAUTHENTICATED. */
  async get(headers: Headers): Promise<SignedIn> {
    const found = await this.find(headers);
    if (!found) throw new FleetError('UNAUTHENTICATED', 'Sign in first.');
    return found;
  }

  /** The same; whoever has a second factor must have proved it lately. Throws UNAUTHENTICATED, STEP_UP_REQUIRED. */
  async getProved(headers: Headers): Promise<SignedIn> {
    const found = await this.get(headers);
    if (found.hasSecondFactor && !isProofFresh(found.provedAtMs, this.clock())) throw proofNeeded();
    return found;
  }

  /** Just now, unless said otherwise. */
  async markProved(session: { id: string } | { token: string }, atMs = this.clock()): Promise<void> {
    await this.sessions.markProved(session, new Date(atMs));
  }

  /** A person is signed in for good: from then on strangers' guesses do not keep this person out from here. */
  async begun(
    person: { userId: string; name: string; email: string },
    address: string,
    by: 'password' | 'code' | 'recovery code' | 'passkey',
  ) {
    await this.limits.remember(SIGN_IN_KNOWN, JSON.stringify([person.email, addressKey(address)]));
    await this.sessions.noteSignIn(person.userId, new Date(this.clock()));
    await this.audit.recordSession({ action: 'signed-in', outcome: 'ok', userId: person.userId, name: person.name, address, by });
  }

  async list(caller: Caller): Promise<SessionView[]> {
    const rows = await this.sessions.list(caller.userId, new Date(this.clock()));
    return rows.map((row) => ({
      id: row.id,
      isThis: row.id === caller.session?.id,
      address: row.ipAddress || undefined,
      userAgent: row.userAgent?.slice(0, 300) || undefined,
      createdAt: row.createdAt.toISOString(),
      expiresAt: row.expiresAt.toISOString(),
      provedAt: row.secondFactorAt?.toISOString(),
    }));
  }

  /** Throws NOT_FOUND unless it is one of the caller's own. */
  async end(caller: Caller, id: string): Promise<void> {
    if (!(await this.sessions.end(caller.userId, id))) throw new FleetError('NOT_FOUND', 'There is no such session.');
    await this.audit.recordSession({ action: 'ended', outcome: 'ok', ...actorOf(caller) });
  }

  /** Returns how many there were. */
  async endOthers(caller: Caller): Promise<number> {
    const ended = await this.sessions.endOthers(caller.userId, caller.session?.id ?? '');
    await this.audit.recordSession({ action: 'others-ended', outcome: 'ok', ...actorOf(caller) });
    return ended;
  }
}

/** Of a caller of the REST API, for the trail. */
export function actorOf(caller: Caller): { userId: string; name: string } {
  return { userId: caller.userId, name: caller.name };
}
