import { Inject, Injectable } from '@nestjs/common';
import type { Grant } from '../../proto/model/access.ts';
import { FleetError } from '../../proto/model/error-codes.ts';
import { CLOCK, type Clock } from '../platform/clock.ts';
import { Database, isUniqueViolation } from '../platform/database.ts';
import { newId } from '../platform/ids.ts';
import { AUTH, MIN_PASSWORD_LENGTH, type Auth } from './auth.ts';

export interface NewUser { email: string; password: string; name: string; grants: Grant[] }

/** Makes people. There is no sign-up: the first is made by bootstrap. */
@Injectable()
export class UsersService {
  constructor(@Inject(AUTH) private readonly auth: Auth, @Inject(Database) private readonly database: Database, @Inject(CLOCK) private readonly clock: Clock) {}

  /** The new user's id. Throws INVALID_REQUEST for a short password or no e-mail address, ALREADY_EXISTS for a taken one. */
  async create(user: NewUser): Promise<string> {
    return this.insert(user, false);
  }

  /** Makes the owner over all tenants, once in the life of a database. Throws ALREADY_EXISTS ever after. */
  async createFirst(user: Omit<NewUser, 'grants'>): Promise<string> {
    return this.insert({ ...user, grants: [{ role: 'owner', tenantId: null }] }, true);
  }

  private async insert(user: NewUser, isFirst: boolean): Promise<string> {
    if (user.password.length < MIN_PASSWORD_LENGTH) throw new FleetError('INVALID_REQUEST', `The password has fewer than ${MIN_PASSWORD_LENGTH} characters.`);
    const email = user.email.trim().toLowerCase();
    if (!/^[^\s@]+@[^\s@]+$/.test(email)) throw new FleetError('INVALID_REQUEST', `${user.email} is not an e-mail address.`);
    const password = await (await this.auth.$context).password.hash(user.password);
    const userId = newId();
    const now = new Date(this.clock());
    try {
      await this.database.transact('all', async (t) => {
        if (isFirst) await t.firstAdministrator.create({ data: { userId, at: now } });
        await t.user.create({ data: { id: userId, name: user.name, email, emailVerified: true, createdAt: now, updatedAt: now } });
        await t.account.create({ data: { id: newId(), accountId: userId, providerId: 'credential', userId, password, createdAt: now, updatedAt: now } });
        await t.roleGrant.createMany({ data: user.grants.map((grant) => ({ id: newId(), userId, ...grant, createdAt: now })) });
      });
    } catch (error) {
      if (!isUniqueViolation(error)) throw error;
      const sentence = isFirst ? 'This controller has had its first administrator already. Ask that person for access.' : 'There is a user with this e-mail address.';
      throw new FleetError('ALREADY_EXISTS', sentence, {}, { cause: error });
    }
    return userId;
  }
}
