import { Injectable } from '@nestjs/common';
import type { Passkey } from '../generated/prisma/client.ts';
import type { Transaction } from '../platform/database.ts';

/** Passkeys of people. They have no tenant: every method is told whose they are, or by which passkey to find out. */
@Injectable()
export class PasskeysRepository {
  /** With whose it is; undefined if there is none, or the person is suspended. */
  async findByCredential(t: Transaction, credentialId: string) {
    const found = await t.passkey.findUnique({
      where: { credentialId },
      include: { user: { select: { id: true, name: true, email: true, suspendedAt: true } } },
    });
    return found && !found.user.suspendedAt ? found : undefined;
  }

  async list(t: Transaction, userId: string): Promise<Passkey[]> {
    return t.passkey.findMany({ where: { userId }, orderBy: { id: 'asc' } });
  }

  async insert(
    t: Transaction,
    passkey: Omit<Passkey, 'publicKey' | 'lastUsedAt'> & { publicKey: Uint8Array<ArrayBuffer> },
  ): Promise<Passkey> {
    return t.passkey.create({ data: passkey });
  }

  /** True unless another use of it was later: a counter that does not move on is a copy's. Authenticators without one always say 0. */
  async use(t: Transaction, { id, counter }: Pick<Passkey, 'id' | 'counter'>, newCounter: bigint, at: Date): Promise<boolean> {
    const isCounted = newCounter > 0n || counter > 0n;
    const { count } = await t.passkey.updateMany({
      where: { id, ...(isCounted && { counter: { lt: newCounter } }) },
      data: { counter: newCounter, lastUsedAt: at },
    });
    return count === 1;
  }

  /** Undefined if it is none of the person's. */
  async rename(t: Transaction, userId: string, id: string, name: string): Promise<Passkey | undefined> {
    const { count } = await t.passkey.updateMany({ where: { id, userId }, data: { name } });
    return count === 1 ? ((await t.passkey.findUnique({ where: { id } })) ?? undefined) : undefined;
  }

  /** True if it was one of the person's. */
  async remove(t: Transaction, userId: string, id: string): Promise<boolean> {
    return (await t.passkey.deleteMany({ where: { id, userId } })).count === 1;
  }
}
