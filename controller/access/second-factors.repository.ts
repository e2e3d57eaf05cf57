import { Injectable } from '@nestjs/common';
import type { Transaction } from '../platform/database.ts';

/** What a person has beside the password. People have no tenant: every method is told whose it is. */
@Injectable()
export class SecondFactorsRepository {
  /** Undefined if there is no such person. */
  async find(t: Transaction, userId: string) {
    const user = await t.user.findUnique({
      where: { id: userId },
      select: {
        id: true,
        name: true,
        email: true,
        suspendedAt: true,
        twoFactor: { select: { verified: true } },
        passkeys: { orderBy: { id: 'asc' } },
        accounts: { where: { providerId: 'credential' }, select: { password: true } },
      },
    });
    return user ?? undefined;
  }

  /** Removes codes and passkeys, and ends the sessions that were begun with them. */
  async removeAll(t: Transaction, userId: string): Promise<void> {
    await t.twoFactor.deleteMany({ where: { userId } });
    await t.passkey.deleteMany({ where: { userId } });
    await t.user.update({ where: { id: userId }, data: { twoFactorEnabled: false } });
    await t.session.deleteMany({ where: { userId } });
  }

  /** A secret of which no code was entered yet: whoever made it may be somebody else. */
  async dropUnconfirmed(t: Transaction, userId: string): Promise<void> {
    await t.twoFactor.deleteMany({ where: { userId, verified: false } });
  }

  /**
   * Records whether any second factor is left, by which the sign-in decides. Locks the person, so that two changes are one after the
   * other.
   */
  async recount(t: Transaction, userId: string): Promise<void> {
    await t.$executeRaw`
      UPDATE "user" SET two_factor_enabled = EXISTS (SELECT FROM two_factor WHERE user_id = ${userId} AND verified)
        OR EXISTS (SELECT FROM passkey WHERE user_id = ${userId})
      WHERE id = ${userId}`;
  }
}
