import { Inject, Injectable } from '@nestjs/common';
import { RETRIABLE_STATES } from '../../proto/http/flushes.ts';
import type { Plan as PlanView } from '../../proto/http/plans.ts';
import { FleetError } from '../../proto/model/error-codes.ts';
import type { Caller } from '../platform/caller.ts';
import { Database } from '../platform/database.ts';
import type { TenantScope } from '../platform/tenant-scope.ts';
import type { FlushRow } from './flush-view.ts';
import { FlushesRepository } from './flushes.repository.ts';
import { notThere } from '../platform/not-there.ts';
import { PlansService } from '../plans/plans.service.ts';
import type { TargetState } from './states.ts';

/** A retry: the same filter on the gateways that failed or were not reached, evaluated now, as a plan that is reviewed like any other. */
@Injectable()
export class RetriesService {
  constructor(
    @Inject(FlushesRepository) private readonly flushes: FlushesRepository,
    @Inject(PlansService) private readonly plans: PlansService,
    @Inject(Database) private readonly database: Database,
  ) {}

  /** Throws NOT_FOUND, FLUSH_RUNNING, PLAN_EMPTY if no target failed, and whatever making a plan throws. */
  async retry(caller: Caller, scope: TenantScope, id: string, signal: AbortSignal): Promise<PlanView> {
    const row = await this.database.transact(scope, (t) => this.flushes.find(t, id, 'flows'));
    const { plan, gateways } = toRetry(row);
    const { filter, isEverything, method, reason, ticket, forSeconds, undoForSeconds, maxDrift } = plan;
    return this.plans.create(
      caller,
      scope,
      {
        ...(isEverything ? { all: true } : { filter }),
        scope: { gateways },
        method: method as PlanView['method'],
        reason,
        ticket: ticket ?? undefined,
        forSeconds: forSeconds ?? undefined,
        undoForSeconds,
        maxDrift: maxDrift ?? undefined,
      },
      signal,
    );
  }
}

function toRetry(row: FlushRow | undefined): { plan: FlushRow['plan']; gateways: string[] } {
  if (!row) throw notThere('flush');
  if (row.kind === 'undo')
    throw new FleetError('INVALID_REQUEST', 'An undo cannot be retried: its gateways have already reported the outcome of each flow.');
  if (row.state === 'running') throw new FleetError('FLUSH_RUNNING', 'This flush is still running. Wait for it to finish, or cancel it.');
  const gateways = row.targets.filter((target) => RETRIABLE_STATES.has(target.state as TargetState)).map((target) => target.gatewayId);
  if (gateways.length === 0) throw new FleetError('PLAN_EMPTY', 'No gateway of this flush failed; there is nothing to retry.');
  return { plan: row.plan, gateways };
}
