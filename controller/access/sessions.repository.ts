import { Inject, Injectable } from '@nestjs/common';
import { Database } from '../platform/database.ts';

/** A person who signs in once a minute all day; beyond that the newest are shown. */
const MAX_SHOWN = 200;

/** Sessions of people. They have no tenant: every method is told whose they are. */
@Injectable()
export class SessionsRepository {
  constructor(@Inject(Database) private readonly database: Database) {}

  /** Newest first, those that have not ended. */
  async list(userId: string, now: Date) {
    return this.database.unscoped.session.findMany({
      where: { userId, expiresAt: { gt: now } },
      orderBy: { createdAt: 'desc' },
      take: MAX_SHOWN,
      select: { id: true, ipAddress: true, userAgent: true, createdAt: true, expiresAt: true, secondFactorAt: true },
    });
  }

  /** By its id, or by the token of its cookie. */
  async markProved(session: { id: string } | { token: string }, at: Date): Promise<void> {
    await this.database.unscoped.session.updateMany({ where: session, data: { secondFactorAt: at } });
  }

  /** True if it was there. */
  async end(userId: string, id: string): Promise<boolean> {
    return (await this.database.unscoped.session.deleteMany({ where: { userId, id } })).count === 1;
  }

  /** Returns how many there were. */
  async endOthers(userId: string, id: string): Promise<number> {
    return (await this.database.unscoped.session.deleteMany({ where: { userId, NOT: { id } } })).count;
  }

  async noteSignIn(userId: string, at: Date): Promise<void> {
    await this.database.unscoped.user.updateMany({ where: { id: userId }, data: { lastSignInAt: at } });
  }
}
