import { Inject, Injectable } from '@nestjs/common';
import type { Limits } from '../../proto/http/limits.ts';
import { FleetError } from '../../proto/model/error-codes.ts';
import type { Caller } from '../access/caller.ts';
import { AuditService, toActor } from '../audit/audit.service.ts';
import { Database } from '../platform/database.ts';
import type { TenantScope } from '../platform/tenant-scope.ts';
import { LimitsRepository } from './limits.repository.ts';

/** From where on a tenant's plans need a second person. Plans keep what held when they were made. */
@Injectable()
export class LimitsService {
  constructor(@Inject(LimitsRepository) private readonly limits: LimitsRepository, @Inject(AuditService) private readonly audit: AuditService, @Inject(Database) private readonly database: Database) {}

  /** Throws NOT_FOUND for what is not there or out of scope. */
  async get(scope: TenantScope, tenantId: string): Promise<Limits> {
    return (await this.database.transact(scope, (t) => this.limits.find(t, tenantId))) ?? notFound();
  }

  /** Changes what is given. An API token cannot: it could take the second person away that it may not be. Throws NOT_FOUND, FORBIDDEN. */
  async update(caller: Caller, scope: TenantScope, tenantId: string, change: Partial<Limits>): Promise<Limits> {
    return this.database.transact(scope, async (t) => {
      const before = (await this.limits.find(t, tenantId)) ?? notFound();
      if (caller.kind !== 'user') throw new FleetError('FORBIDDEN', 'An API token cannot change when a second person is needed. Sign in.');
      const limits = { ...before, ...change };
      await this.limits.set(t, tenantId, limits);
      await this.audit.record(t, {
        tenantId, actor: toActor(caller), action: 'limits.changed', outcome: 'ok', summary: `${caller.name} changed when a plan needs a second person`, detail: { before, after: limits },
      });
      return limits;
    });
  }
}

function notFound(): never {
  throw new FleetError('NOT_FOUND', 'There is no such tenant.');
}
