import { Inject, Injectable } from '@nestjs/common';
import type { z } from 'zod';
import type { account } from '../../proto/http/account.ts';
import { FleetError } from '../../proto/model/error-codes.ts';
import type { Caller } from '../platform/caller.ts';
import { Database } from '../platform/database.ts';
import { PasskeysService, toPasskeyView } from './passkeys.service.ts';
import { SecondFactorsRepository } from './second-factors.repository.ts';
import { SessionsService } from './sessions.service.ts';

/** What a person sees of the own account. */
@Injectable()
export class AccountService {
  constructor(
    @Inject(SecondFactorsRepository) private readonly factors: SecondFactorsRepository,
    @Inject(PasskeysService) private readonly passkeys: PasskeysService,
    @Inject(SessionsService) private readonly sessions: SessionsService,
    @Inject(Database) private readonly database: Database,
  ) {}

  async get(caller: Caller): Promise<z.output<typeof account>> {
    const person = await this.database.transact('all', (t) => this.factors.find(t, caller.userId));
    if (!person) throw new FleetError('NOT_FOUND', 'There is no such person.');
    return {
      id: person.id,
      name: person.name,
      email: person.email,
      grants: caller.grants,
      hasPassword: person.accounts.some(({ password }) => password !== null),
      hasTotp: person.twoFactor?.verified === true,
      passkeys: person.passkeys.map(toPasskeyView),
      passkeyRefusal: this.passkeys.refusal,
      isSecondFactorDemanded: caller.session?.isSecondFactorDemanded ?? false,
      sessions: await this.sessions.list(caller),
    };
  }
}
