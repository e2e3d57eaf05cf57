import { Controller, Inject } from '@nestjs/common';
import type { z } from 'zod';
import {
  addPasskey,
  createPasskeyOptions,
  endOtherSessions,
  endSession,
  getAccount,
  removePasskey,
  renamePasskey,
} from '../../proto/http/account.ts';
import { Called, Handles, type Call } from '../platform/route-decorators.ts';
import { AccountService } from './account.service.ts';
import { PasskeysService } from './passkeys.service.ts';
import { SessionsService } from './sessions.service.ts';

@Controller()
export class AccountController {
  constructor(
    @Inject(AccountService) private readonly account: AccountService,
    @Inject(PasskeysService) private readonly passkeys: PasskeysService,
    @Inject(SessionsService) private readonly sessions: SessionsService,
  ) {}

  @Handles(getAccount)
  get(@Called() { caller }: Call<typeof getAccount>): Promise<z.output<typeof getAccount.response>> {
    return this.account.get(caller);
  }

  @Handles(endSession)
  end(@Called() { caller, params }: Call<typeof endSession>): Promise<void> {
    return this.sessions.end(caller, params.id);
  }

  @Handles(endOtherSessions)
  async endOthers(@Called() { caller }: Call<typeof endOtherSessions>): Promise<z.output<typeof endOtherSessions.response>> {
    return { ended: await this.sessions.endOthers(caller) };
  }

  @Handles(createPasskeyOptions)
  options(@Called() { caller, body }: Call<typeof createPasskeyOptions>): Promise<z.output<typeof createPasskeyOptions.response>> {
    return this.passkeys.makeOptions(caller, body.password);
  }

  @Handles(addPasskey)
  add(@Called() { caller, body }: Call<typeof addPasskey>): Promise<z.output<typeof addPasskey.response>> {
    return this.passkeys.add(caller, body);
  }

  @Handles(renamePasskey)
  rename(@Called() { caller, params, body }: Call<typeof renamePasskey>): Promise<z.output<typeof renamePasskey.response>> {
    return this.passkeys.rename(caller, params.id, body.name);
  }

  @Handles(removePasskey)
  remove(@Called() { caller, params }: Call<typeof removePasskey>): Promise<void> {
    return this.passkeys.remove(caller, params.id);
  }
}
