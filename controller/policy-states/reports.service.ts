import { Inject, Injectable } from '@nestjs/common';
import type { PolicyState } from '../../proto/gen/ctfleet/v1/policy.ts';
import { AuditService } from '../audit/audit.service.ts';
import { GatewaysRepository } from '../gateways/gateways.repository.ts';
import type { GatewayIdentity } from '../identity/gateway-identity.ts';
import { GATEWAY_CHANGED } from '../link/notifications.ts';
import { CLOCK, type Clock } from '../platform/clock.ts';
import { Database, type Transaction } from '../platform/database.ts';
import { counted } from '../platform/plural.ts';
import { ReplicaNotifications } from '../platform/replica-notifications.ts';
import { mergeDrift, type DriftMerge } from './drift-merge.ts';
import { PolicyStatesRepository, type Gateway } from './policy-states.repository.ts';
import { reportedFrom } from './reported.ts';

/** Values named in one entry of the audit trail. */
const MAX_NAMED = 50;

/** Keeps what gateways tell of their policies. What begins to differ, and what no longer does, is in the audit trail, once each. */
@Injectable()
export class PolicyReports {
  constructor(
    @Inject(PolicyStatesRepository) private readonly states: PolicyStatesRepository,
    @Inject(GatewaysRepository) private readonly gateways: GatewaysRepository,
    @Inject(AuditService) private readonly audit: AuditService,
    @Inject(ReplicaNotifications) private readonly notifications: ReplicaNotifications,
    @Inject(Database) private readonly database: Database,
    @Inject(CLOCK) private readonly clock: Clock,
  ) {}

  async take({ gatewayId, tenantId }: GatewayIdentity, told: PolicyState): Promise<void> {
    const now = new Date(this.clock());
    const reported = reportedFrom(told, now.getTime());
    await this.database.transact(new Set([tenantId]), async (t) => {
      await this.states.lock(t, gatewayId);
      const kept = (await this.states.drift(t, [gatewayId])).get(gatewayId) ?? [];
      const merge = mergeDrift(kept, reported, now);
      await this.states.keep(t, { gatewayId, tenantId }, reported.state, now);
      await this.states.merge(t, { gatewayId, tenantId }, merge, now);
      await this.note(t, { gatewayId, tenantId }, merge);
      await this.notifications.send(t, GATEWAY_CHANGED, gatewayId);
    });
  }

  private async note(t: Transaction, { gatewayId, tenantId }: Gateway, { begun, ended }: DriftMerge): Promise<void> {
    if (begun.length === 0 && ended.length === 0) return;
    const gatewayName = (await this.gateways.find(t, gatewayId))?.name ?? gatewayId;
    const record = (action: string, drift: DriftMerge['ended'], words: string): void => {
      const [first] = drift;
      if (!first) return;
      const more = drift.length > 1 ? ` and ${counted(drift.length - 1, 'value')} more` : '';
      this.audit.record(t, {
        tenantId,
        actor: { kind: 'gateway', id: gatewayId, name: gatewayName },
        action,
        outcome: 'ok',
        gatewayId,
        gatewayName,
        summary: `${gatewayName} ${words}: ${first.path}${first.process === null ? '' : `, by ${first.process}`}${more}`,
        detail: {
          drift: drift.slice(0, MAX_NAMED).map(({ path, wanted, actual, process, since }) => ({
            path,
            wanted,
            actual,
            process,
            since: since.toISOString(),
          })),
          values: drift.length,
        },
      });
    };
    record('policy.drifted', begun, 'is no longer as its policy has it');
    record('policy.drift-over', ended, 'is as its policy has it again');
  }
}
