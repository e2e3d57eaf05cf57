import { Inject, Injectable } from '@nestjs/common';
import { FleetError } from '../../proto/model/error-codes.ts';
import type { Caller } from '../platform/caller.ts';
import { AuditService, toActor } from '../audit/audit.service.ts';
import { CLOCK, type Clock } from '../platform/clock.ts';
import { Database } from '../platform/database.ts';
import { ReplicaNotifications } from '../platform/replica-notifications.ts';
import type { TenantScope } from '../platform/tenant-scope.ts';
import { RemediationsRepository } from './remediations.repository.ts';
import type { RemediationRow } from './rows.ts';
import { isApproved } from './standing.ts';
import { StandingsService } from './standings.service.ts';
import { REMEDIATIONS_CHANGED } from './notifications.ts';

/**
 * The second person of a remediation: somebody other than its author has reviewed exactly this revision, and approves that it acts on its
 * own.
 */
@Injectable()
export class RemediationApprovalsService {
  constructor(
    @Inject(RemediationsRepository) private readonly remediations: RemediationsRepository,
    @Inject(StandingsService) private readonly standings: StandingsService,
    @Inject(AuditService) private readonly audit: AuditService,
    @Inject(ReplicaNotifications) private readonly notifications: ReplicaNotifications,
    @Inject(Database) private readonly database: Database,
    @Inject(CLOCK) private readonly clock: Clock,
  ) {}

  /**
   * Valid until the remediation is widened. Throws NOT_FOUND, FORBIDDEN for whatever is no person and for its author, ALREADY_EXISTS if it
   * was changed or approved since, INVALID_REQUEST if no approval is needed.
   */
  async approve(caller: Caller, scope: TenantScope, id: string, revision: number): Promise<void> {
    await this.database.transact(scope, async (t) => {
      const row = await this.remediations.find(t, id);
      checkApprovable(row, caller, revision);
      const standing = (await this.standings.of(t, [row])).get(id)!;
      if (standing.approval.state !== 'needed') throw new FleetError('INVALID_REQUEST', 'This remediation does not need approval.');
      const by = { approvedById: caller.id, approvedByName: caller.name, approvedAt: new Date(this.clock()) };
      if (!(await this.remediations.approve(t, id, { approvedRevision: revision, ...by }))) throw changed(row.revision);
      this.audit.record(t, {
        tenantId: row.tenantId ?? undefined,
        actor: toActor(caller),
        action: 'remediation.approved',
        outcome: 'ok',
        summary: `${caller.name} approved that ${row.name} acts by itself`,
        detail: { remediationId: id, revision, document: row.document, why: standing.approval.why },
      });
      await this.notifications.send(t, REMEDIATIONS_CHANGED, id);
    });
  }
}

function checkApprovable(row: RemediationRow | undefined, caller: Caller, revision: number): asserts row is RemediationRow {
  if (!row) throw new FleetError('NOT_FOUND', 'There is no such remediation.');
  if (caller.kind !== 'user') throw new FleetError('FORBIDDEN', 'API tokens and service accounts cannot approve remediations. Sign in.');
  if (row.authorId === caller.userId) {
    throw new FleetError(
      'FORBIDDEN',
      'You, or what acts with a secret of yours, decided what this remediation does. Somebody else must approve it.',
    );
  }
  if (row.revision !== revision || isApproved(row)) throw changed(row.revision);
}

function changed(revision: number): FleetError {
  const message = `This remediation has been changed or approved since: it is at revision ${revision}. Review it again.`;
  return new FleetError('ALREADY_EXISTS', message, { revision });
}
