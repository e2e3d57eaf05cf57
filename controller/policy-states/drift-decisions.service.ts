import { Inject, Injectable } from '@nestjs/common';
import type { z } from 'zod';
import { ResolveDrift_Way, type ResolveDrift } from '../../proto/gen/ctfleet/v1/policy.ts';
import type { PolicyState as StateView, resolveDrift } from '../../proto/http/policy-states.ts';
import { FleetError } from '../../proto/model/error-codes.ts';
import { REPORTS_POLICY } from '../../proto/model/policy/gateway-reading.ts';
import { AuditService, toActor } from '../audit/audit.service.ts';
import { abilityOf, linkState, offlineReason, type GatewayRow } from '../gateways/gateway-view.ts';
import { GatewaysRepository } from '../gateways/gateways.repository.ts';
import type { GatewayIdentity } from '../identity/gateway-identity.ts';
import type { Caller } from '../platform/caller.ts';
import { CLOCK, type Clock } from '../platform/clock.ts';
import { Database } from '../platform/database.ts';
import { counted } from '../platform/plural.ts';
import { ReplicaNotifications } from '../platform/replica-notifications.ts';
import type { TenantScope } from '../platform/tenant-scope.ts';
import { DRIFT_DECIDED } from './notifications.ts';
import { PolicyStatesRepository } from './policy-states.repository.ts';
import { PolicyStates } from './policy-states.service.ts';

type Decision = z.output<typeof resolveDrift.body>;

/** A decision is about what somebody saw a moment ago: a gateway that is away for longer is not sent it any more. */
const WORTH_MS = 300_000;
const WAYS: Record<Decision['way'], ResolveDrift_Way> = { restore: ResolveDrift_Way.WAY_RESTORE, ignore: ResolveDrift_Way.WAY_IGNORE };

/** What operators decide about drift, until the gateways have done it. */
@Injectable()
export class DriftDecisions {
  constructor(
    @Inject(PolicyStatesRepository) private readonly states: PolicyStatesRepository,
    @Inject(PolicyStates) private readonly views: PolicyStates,
    @Inject(GatewaysRepository) private readonly gateways: GatewaysRepository,
    @Inject(AuditService) private readonly audit: AuditService,
    @Inject(ReplicaNotifications) private readonly notifications: ReplicaNotifications,
    @Inject(Database) private readonly database: Database,
    @Inject(CLOCK) private readonly clock: Clock,
  ) {}

  /**
   * Has the gateway restore values or ignore that they differ; the next report says what became of it. Throws NOT_FOUND, GATEWAY_OFFLINE,
   * CAPABILITY_MISSING, GUARD_REFUSED for a gateway whose owner allows nothing to be changed, INVALID_REQUEST for what is no drift now.
   */
  async resolve(caller: Caller, scope: TenantScope, gatewayId: string, { paths, way }: Decision): Promise<StateView> {
    await this.database.transact(scope, async (t) => {
      const gateway = await this.gateways.find(t, gatewayId);
      if (!gateway) throw new FleetError('NOT_FOUND', 'There is no such gateway.');
      this.assertCan(gateway, way);
      await this.states.lock(t, gatewayId);
      const rows = ((await this.states.drift(t, [gatewayId])).get(gatewayId) ?? []).filter(({ state }) => state !== 'over');
      const chosen = rows.filter(({ path }) => paths.includes(path));
      const missing = paths.find((path) => !chosen.some((row) => row.path === path));
      if (missing !== undefined)
        throw new FleetError('INVALID_REQUEST', 'Not everything that was named differs from the policy now. Look again.', {
          issues: [{ path: `paths[${paths.indexOf(missing)}]`, message: 'does not differ' }],
        });
      const undone = chosen.filter(({ state, resolveWay }) => resolveWay !== way && !(way === 'ignore' && state === 'ignored'));
      // Once more for what was asked for before: its answer may have been lost.
      await this.states.decide(
        t,
        chosen.map(({ id }) => id),
        way,
        new Date(this.clock() + WORTH_MS),
      );
      await this.notifications.send(t, DRIFT_DECIDED, gatewayId);
      const [first] = undone;
      if (!first) return;
      const more = undone.length > 1 ? ` and ${counted(undone.length - 1, 'value')} more` : '';
      this.audit.record(t, {
        tenantId: gateway.tenantId,
        actor: toActor(caller),
        action: 'policy.drift-decided',
        outcome: 'ok',
        gatewayId,
        gatewayName: gateway.name,
        summary: `${caller.name} had ${gateway.name} ${way === 'restore' ? 'set again' : 'ignore'} ${first.path}${more}`,
        detail: { way, drift: undone.map(({ path, wanted, actual, process }) => ({ path, wanted, actual, process })) },
      });
    });
    return this.views.get(scope, gatewayId);
  }

  /** What each gateway still has to do, one message for each way. */
  async of(gateways: readonly GatewayIdentity[]): Promise<ResolveDrift[][]> {
    return this.database.transact(new Set(gateways.map(({ tenantId }) => tenantId)), async (t) => {
      const ids = gateways.map(({ gatewayId }) => gatewayId);
      const decided = Map.groupBy(await this.states.decided(t, ids, new Date(this.clock())), ({ gatewayId }) => gatewayId);
      if (decided.size === 0) return ids.map(() => []);
      const states = await this.states.states(t, [...decided.keys()]);
      return ids.map((id) => {
        const changeId = states.get(id)?.changeId;
        if (!changeId) return [];
        return (['restore', 'ignore'] as const).flatMap((way) => {
          const paths = (decided.get(id) ?? []).filter(({ resolveWay }) => resolveWay === way).map(({ path }) => path);
          return paths.length > 0 ? [{ changeId, paths, way: WAYS[way] }] : [];
        });
      });
    });
  }

  private assertCan(gateway: GatewayRow, way: Decision['way']): void {
    const link = linkState(gateway, this.clock());
    if (link.state !== 'online')
      throw new FleetError('GATEWAY_OFFLINE', `${gateway.name} is ${offlineReason(link)}. Decide when it is back.`);
    const { can, why } = abilityOf(gateway, REPORTS_POLICY);
    if (!can) throw new FleetError('CAPABILITY_MISSING', why ?? `The agent of ${gateway.name} is older and cannot do it. Update it.`);
    const guard = gateway.guard as { isReadOnly?: boolean; error?: string } | null;
    if (way === 'restore' && (guard?.isReadOnly || guard?.error))
      throw new FleetError(
        'GUARD_REFUSED',
        `The guard of ${gateway.name} allows nothing to be changed there. Its owner can lift that, in its file.`,
      );
  }
}
