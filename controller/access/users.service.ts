import { Inject, Injectable } from '@nestjs/common';
import { name as nameSchema } from '../../proto/http/common.ts';
import type { Grant } from '../../proto/model/access.ts';
import { FleetError } from '../../proto/model/error-codes.ts';
import { CLOCK, type Clock } from '../platform/clock.ts';
import { Database, isUniqueViolation } from '../platform/database.ts';
import { newId } from '../platform/ids.ts';
import { AUTH, type Auth } from './auth.ts';
import { PasswordsService } from './passwords.service.ts';

export interface NewUser {
  email: string;
  password: string;
  name: string;
  grants: Grant[];
}

/** Creates people. There is no sign-up: bootstrap creates the first person. */
@Injectable()
export class UsersService {
  constructor(
    @Inject(AUTH) private readonly auth: Auth,
    @Inject(PasswordsService) private readonly passwords: PasswordsService,
    @Inject(Database) private readonly database: Database,
    @Inject(CLOCK) private readonly clock: Clock,
  ) {}

  /**
   * Returns the new user's id. Throws INVALID_REQUEST for a password that is too short, easy to guess or known from a breach, and for an
   * invalid e-mail address, ALREADY_EXISTS if the address is taken.
   */
  async create(user: NewUser): Promise<string> {
    return this.insert(user, false);
  }

  /** Creates the owner over all tenants, once in the life of a database. Throws ALREADY_EXISTS from then on. */
  async createFirst(user: Omit<NewUser, 'grants'>): Promise<string> {
    return this.insert({ ...user, grants: [{ role: 'owner', tenantId: null }] }, true);
  }

  private async insert(user: NewUser, isFirst: boolean): Promise<string> {
    const email = user.email.trim().toLowerCase();
    const problem = await this.passwords.problem(user.password, [user.name, email]);
    if (problem !== undefined) throw new FleetError('INVALID_REQUEST', `The password ${problem}.`);
    const name = nameSchema.safeParse(user.name);
    if (!name.success) throw new FleetError('INVALID_REQUEST', `The name ${name.error.issues[0]!.message}.`);
    if (!/^[^\s@\p{C}]+@[^\s@\p{C}]+$/u.test(email)) throw new FleetError('INVALID_REQUEST', `${user.email} is not an e-mail address.`);
    const password = await (await this.auth.$context).password.hash(user.password);
    const userId = newId();
    const now = new Date(this.clock());
    try {
      await this.database.transact('all', async (t) => {
        if (isFirst) await t.firstAdministrator.create({ data: { userId, at: now } });
        await t.user.create({ data: { id: userId, name: name.data, email, emailVerified: true, createdAt: now, updatedAt: now } });
        await t.account.create({
          data: { id: newId(), accountId: userId, providerId: 'credential', userId, password, createdAt: now, updatedAt: now },
        });
        await t.roleGrant.createMany({ data: user.grants.map((grant) => ({ id: newId(), userId, ...grant, createdAt: now })) });
      });
    } catch (error) {
      if (!isUniqueViolation(error)) throw error;
      const sentence = isFirst
        ? 'This controller has already had its first administrator. Ask that person for access.'
        : 'A user with this e-mail address already exists.';
      throw new FleetError('ALREADY_EXISTS', sentence, {}, { cause: error });
    }
    return userId;
  }
}
