import { Injectable } from '@nestjs/common';
import type { SignInLink } from '../generated/prisma/client.ts';
import type { Transaction } from '../platform/database.ts';
import { newId } from '../platform/ids.ts';

/** Links by which people choose a password. People have no tenant: what may be done with whose link is decided before. */
@Injectable()
export class SignInLinksRepository {
  /** Replaces an earlier link of the same person. */
  async put(t: Transaction, link: Omit<SignInLink, 'secretHash'> & { secretHash: Uint8Array<ArrayBuffer> }): Promise<void> {
    await t.signInLink.upsert({ where: { userId: link.userId }, create: link, update: link });
  }

  async remove(t: Transaction, userId: string): Promise<void> {
    await t.signInLink.deleteMany({ where: { userId } });
  }

  /** With the person's name and address; undefined if there is none, or the person is suspended. */
  async find(t: Transaction, userId: string) {
    const link = await t.signInLink.findUnique({ where: { userId }, include: { user: true } });
    return link && !link.user.suspendedAt ? link : undefined;
  }

  /** True if this very link was still there; it is not any more. */
  async take(t: Transaction, userId: string, secretHash: Uint8Array<ArrayBuffer>): Promise<boolean> {
    return (await t.signInLink.deleteMany({ where: { userId, secretHash } })).count === 1;
  }

  /** Sets the password and ends every session that there is. `hash`: as the sign-in library stores it. */
  async setPassword(t: Transaction, userId: string, hash: string, now: Date): Promise<void> {
    const { count } = await t.account.updateMany({ where: { userId, providerId: 'credential' }, data: { password: hash, updatedAt: now } });
    if (count === 0)
      await t.account.create({
        data: { id: newId(), accountId: userId, providerId: 'credential', userId, password: hash, createdAt: now, updatedAt: now },
      });
    await t.session.deleteMany({ where: { userId } });
  }
}
