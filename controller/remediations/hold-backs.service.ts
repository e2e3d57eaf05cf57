import { Inject, Injectable } from '@nestjs/common';
import { AuditService } from '../audit/audit.service.ts';
import { LimitsService } from '../plans/limits.service.ts';
import { GatewaysRepository } from '../gateways/gateways.repository.ts';
import { CLOCK, type Clock } from '../platform/clock.ts';
import { Database } from '../platform/database.ts';
import { ReplicaNotifications } from '../platform/replica-notifications.ts';
import { HOLD_BACK_WINDOW_MS, whyHoldBack } from './hold-back.ts';
import { actsOn } from './reach.ts';
import { RemediationsRepository } from './remediations.repository.ts';
import { RunsRepository } from './runs.repository.ts';
import { isApproved } from './standing.ts';
import { REMEDIATIONS_CHANGED } from './notifications.ts';

const ACTOR = { kind: 'system', id: 'remediations', name: 'controller' };
/** Gateways named in an audit entry. */
const MAX_NAMED = 100;

/** Holds back remediations that run on gateways at the first signs of harm: they only suggest until a person has looked. */
@Injectable()
export class HoldBacksService {
  constructor(
    @Inject(RemediationsRepository) private readonly remediations: RemediationsRepository,
    @Inject(RunsRepository) private readonly runs: RunsRepository,
    @Inject(GatewaysRepository) private readonly gateways: GatewaysRepository,
    @Inject(LimitsService) private readonly limits: LimitsService,
    @Inject(AuditService) private readonly audit: AuditService,
    @Inject(ReplicaNotifications) private readonly notifications: ReplicaNotifications,
    @Inject(Database) private readonly database: Database,
    @Inject(CLOCK) private readonly clock: Clock,
  ) {}

  /**
   * Checks what the gateways that have a remediation have reported about it. It may act for several tenants, so this sees all tenants; a
   * revision is held back once.
   */
  async consider(remediationId: string): Promise<void> {
    const now = new Date(this.clock());
    await this.database.transact('all', async (t) => {
      const row = await this.remediations.find(t, remediationId);
      if (!row || !row.isEnabled || row.document.mode !== 'auto' || row.heldBackAt !== null) return;
      // A gateway's report about a remediation that it does not have counts for nothing.
      const gatewayIds = new Set((await this.gateways.places(t)).filter((place) => actsOn(row, place)).map(({ id }) => id));
      const reported = await this.runs.ofRevision(t, row.id, row.revision, new Date(now.getTime() - HOLD_BACK_WINDOW_MS));
      const runs = reported.filter(({ gatewayId }) => gatewayIds.has(gatewayId));
      const limits = await this.limits.ofTenants(t, [...new Set(runs.map(({ tenantId }) => tenantId))]);
      const why = whyHoldBack(
        {
          trigger: row.document.trigger,
          isOfAllTenants: row.tenantId === null,
          gateways: gatewayIds.size,
          runs,
          mayEndAlone: (tenantId) => (isApproved(row) ? undefined : (limits.get(tenantId)?.flows ?? undefined)),
        },
        now.getTime(),
      );
      if (why === undefined || !(await this.remediations.holdBack(t, row.id, row.revision, why, now))) return;
      this.audit.record(t, {
        tenantId: row.tenantId ?? undefined,
        actor: ACTOR,
        action: 'remediation.held-back',
        outcome: 'ok',
        summary: `${row.name} is held back: ${why}`,
        detail: {
          remediationId: row.id,
          revision: row.revision,
          why,
          gatewayIds: [...new Set(runs.map(({ gatewayId }) => gatewayId))].slice(0, MAX_NAMED),
        },
      });
      await this.notifications.send(t, REMEDIATIONS_CHANGED, row.id);
    });
  }
}
