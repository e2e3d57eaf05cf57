import { Injectable } from '@nestjs/common';
import type { Mail } from '../generated/prisma/client.ts';
import type { Transaction } from '../platform/database.ts';

/** A mail that is being sent, with whom it is for. */
export type Claimed = Mail & { user: { id: string; name: string; email: string; suspendedAt: Date | null } };

/** Mail to people. People have no tenant: whose mail is shown to whom is decided before. */
@Injectable()
export class MailRepository {
  /** Replaces an earlier mail to the same person. */
  async put(t: Transaction, mail: Pick<Mail, 'userId' | 'kind' | 'askedByName' | 'askedAt'>): Promise<void> {
    const fresh = { ...mail, state: 'waiting', tries: 0, nextTryAt: mail.askedAt, settledAt: null, failure: null };
    await t.mail.upsert({ where: { userId: mail.userId }, create: fresh, update: fresh });
  }

  async isWaiting(t: Transaction, userId: string): Promise<boolean> {
    return (await t.mail.count({ where: { userId, state: 'waiting' } })) > 0;
  }

  /** Whom mail is due for, the longest waiting first, with how often it was tried. */
  due(t: Transaction, now: Date, limit: number): Promise<{ userId: string; tries: number }[]> {
    return t.mail.findMany({
      where: { state: 'waiting', nextTryAt: { lte: now } },
      select: { userId: true, tries: true },
      orderBy: { nextTryAt: 'asc' },
      take: limit,
    });
  }

  /** Begins a try, which nobody else begins before `until`; undefined if none is due. */
  async claim(t: Transaction, userId: string, now: Date, until: Date): Promise<Claimed | undefined> {
    const { count } = await t.mail.updateMany({
      where: { userId, state: 'waiting', nextTryAt: { lte: now } },
      data: { tries: { increment: 1 }, nextTryAt: until },
    });
    if (count === 0) return undefined;
    const user = { select: { id: true, name: true, email: true, suspendedAt: true } } as const;
    return (await t.mail.findUnique({ where: { userId }, include: { user } })) ?? undefined;
  }

  /** What became of a try, unless another mail has taken its place. */
  async settle(
    t: Transaction,
    { userId, askedAt, tries }: Claimed,
    outcome: Pick<Mail, 'state'> & Partial<Pick<Mail, 'nextTryAt' | 'settledAt' | 'failure'>>,
  ): Promise<void> {
    await t.mail.updateMany({ where: { userId, askedAt, tries, state: 'waiting' }, data: outcome });
  }
}
