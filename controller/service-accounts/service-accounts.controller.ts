import { Controller, Inject } from '@nestjs/common';
import type { z } from 'zod';
import {
  createServiceAccount,
  endEarlierSecret,
  listServiceAccounts,
  removeServiceAccount,
  resumeServiceAccount,
  rotateServiceAccount,
  suspendServiceAccount,
  updateServiceAccount,
  type serviceAccount,
} from '../../proto/http/service-accounts.ts';
import { Called, Handles, type Call } from '../platform/route-decorators.ts';
import { ServiceAccountsService } from './service-accounts.service.ts';

type Account = z.output<typeof serviceAccount>;

@Controller()
export class ServiceAccountsController {
  constructor(@Inject(ServiceAccountsService) private readonly accounts: ServiceAccountsService) {}

  @Handles(listServiceAccounts)
  list(@Called() { scope, query }: Call<typeof listServiceAccounts>): Promise<z.output<typeof listServiceAccounts.response>> {
    return this.accounts.list(scope, query);
  }

  @Handles(createServiceAccount)
  create(@Called() { caller, scope, body }: Call<typeof createServiceAccount>): Promise<z.output<typeof createServiceAccount.response>> {
    return this.accounts.create(caller, scope, body);
  }

  @Handles(updateServiceAccount)
  update(@Called() { caller, scope, params, body }: Call<typeof updateServiceAccount>): Promise<Account> {
    return this.accounts.update(caller, scope, params.id, body);
  }

  @Handles(rotateServiceAccount)
  rotate(
    @Called() { caller, scope, params, body }: Call<typeof rotateServiceAccount>,
  ): Promise<z.output<typeof rotateServiceAccount.response>> {
    return this.accounts.rotate(caller, scope, params.id, body.overlapHours);
  }

  @Handles(endEarlierSecret)
  endEarlier(@Called() { caller, scope, params }: Call<typeof endEarlierSecret>): Promise<Account> {
    return this.accounts.endEarlier(caller, scope, params.id);
  }

  @Handles(suspendServiceAccount)
  suspend(@Called() { caller, scope, params }: Call<typeof suspendServiceAccount>): Promise<Account> {
    return this.accounts.suspend(caller, scope, params.id);
  }

  @Handles(resumeServiceAccount)
  resume(@Called() { caller, scope, params }: Call<typeof resumeServiceAccount>): Promise<Account> {
    return this.accounts.resume(caller, scope, params.id);
  }

  @Handles(removeServiceAccount)
  remove(@Called() { caller, scope, params }: Call<typeof removeServiceAccount>): Promise<void> {
    return this.accounts.remove(caller, scope, params.id);
  }
}
