import { Inject, Injectable } from '@nestjs/common';
import type { Scope } from '../../proto/http/scope.ts';
import { FleetError } from '../../proto/model/error-codes.ts';
import { linkState, type GatewayRow } from '../gateways/gateway-view.ts';
import { GatewaysRepository } from '../gateways/gateways.repository.ts';
import { CLOCK, type Clock } from '../platform/clock.ts';
import type { TenantScope } from '../platform/tenant-scope.ts';
import { unreachable, type Reached } from './reach.ts';

/** Excludes places that are mostly offline from automatic runs: there the network is the problem, not that many gateways. */
@Injectable()
export class ReachService {
  constructor(
    @Inject(GatewaysRepository) private readonly gateways: GatewaysRepository,
    @Inject(CLOCK) private readonly clock: Clock,
  ) {}

  /**
   * The scope without such places, and which these are. Throws GATEWAY_OFFLINE if nothing is left of several gateways; a single gateway is
   * not checked.
   */
  async of(tenants: TenantScope, scope: Scope): Promise<{ scope: Scope; why?: string }> {
    const wanted = await this.gateways.inScope(tenants, scope);
    if (wanted.length <= 1) return { scope };
    const nowMs = this.clock();
    const seen = (await this.gateways.inScope(tenants, {})).filter((row) => row.link !== null);
    const { why, gatewayIds } = unreachable(seen.map((row) => toReached(row, nowMs)));
    const left = wanted.filter(({ id }) => !gatewayIds.has(id));
    if (left.length === wanted.length) return { scope };
    if (left.length === 0) throw new FleetError('GATEWAY_OFFLINE', `nothing was done: ${why.join('; ')}`);
    return { scope: { gateways: left.map(({ id }) => id) }, why: `left out, because most of it is offline: ${why.join('; ')}` };
  }
}

function toReached(row: GatewayRow, nowMs: number): Reached {
  const isOnline = linkState(row, nowMs).state === 'online';
  return { id: row.id, tenantId: row.tenantId, tenantName: row.tenant.name, siteId: row.siteId, siteName: row.site.name, isOnline };
}
