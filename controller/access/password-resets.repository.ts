import { Injectable } from '@nestjs/common';
import type { Transaction } from '../platform/database.ts';
import { newId } from '../platform/ids.ts';

/** What waits to be looked up; more are dropped, so that strangers fill no table. */
const MAX_WAITING = 1000;

/** Addresses for which somebody asked for a new password, by whom they are not known yet. */
@Injectable()
export class PasswordResetsRepository {
  async insert(t: Transaction, { email, address, askedAt }: { email: string; address: string; askedAt: Date }): Promise<void> {
    await t.$executeRaw`
      INSERT INTO reset_request (id, email, address, asked_at) SELECT ${newId()}::uuid, ${email}, ${address}, ${askedAt}
      WHERE (SELECT count(*) FROM reset_request) < ${MAX_WAITING}`;
  }

  /** The oldest, which are gone then. Several controllers take different ones. */
  async take(t: Transaction, limit: number): Promise<{ email: string; address: string }[]> {
    return t.$queryRaw<{ email: string; address: string }[]>`
      DELETE FROM reset_request WHERE id IN (SELECT id FROM reset_request ORDER BY id LIMIT ${limit} FOR UPDATE SKIP LOCKED)
      RETURNING email, address`;
  }

  /** Who has one of these addresses and signs in with a password; each once. */
  async peopleOf(
    t: Transaction,
    asked: readonly { email: string; address: string }[],
  ): Promise<{ id: string; name: string; address: string }[]> {
    const from = new Map(asked.map(({ email, address }) => [email, address]));
    const people = await t.user.findMany({
      where: { email: { in: [...from.keys()] }, suspendedAt: null, accounts: { some: { password: { not: null } } } },
      select: { id: true, name: true, email: true },
    });
    return people.map(({ id, name, email }) => ({ id, name, address: from.get(email)! }));
  }
}
