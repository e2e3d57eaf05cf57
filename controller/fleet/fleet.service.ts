import { Inject, Injectable } from '@nestjs/common';
import type { z } from 'zod';
import type { Gateway, getNeighbours, listGateways } from '../../proto/http/fleet.ts';
import type { Overview } from '../../proto/http/overview.ts';
import { toSetting, type TenantScope } from '../platform/tenant-scope.ts';
import { FleetStateService } from './fleet-state.service.ts';
import { isAt, listOf, neighboursOf, type Narrowed } from './gateway-list.ts';
import { overviewOf, type OverviewBody } from './overview.ts';

/** Lists and overviews, from the state of the fleet: none of them reads Postgres. */
@Injectable()
export class FleetService {
  /** By scope and place, as of one time: whoever looks at the same sees the same. */
  private readonly overviews = new Map<string, OverviewBody>();

  constructor(@Inject(FleetStateService) private readonly state: FleetStateService) {
    state.onChange(() => this.overviews.clear());
  }

  async list(scope: TenantScope, query: z.output<typeof listGateways.query>): Promise<z.output<typeof listGateways.response>> {
    return { ...listOf(await this.state.seenBy(scope), query), ...this.state.freshness() };
  }

  /** Where a gateway stands in the list of a place. Throws NOT_FOUND. */
  async neighbours(scope: TenantScope, id: string, place: Narrowed): Promise<z.output<typeof getNeighbours.response>> {
    return neighboursOf(await this.state.seenBy(scope), id, place);
  }

  /** Finds one gateway as it is now, among those that a caller of these tenants may see. */
  async finder(scope: TenantScope): Promise<(id: string) => Gateway | undefined> {
    const seen = await this.state.seenBy(scope);
    return (id) => seen.get(id)?.gateway;
  }

  /** Every gateway that a caller of these tenants may see and that can be shown, by tenant, site and name. */
  async everything(scope: TenantScope): Promise<{ gateways: Gateway[]; asOf: string }> {
    const seen = await this.state.seenBy(scope);
    return { gateways: seen.ordered('place').flatMap(({ gateway }) => gateway ?? []), asOf: this.state.freshness().asOf };
  }

  async overview(scope: TenantScope, { tenant, site, gateway }: Narrowed): Promise<Overview> {
    const seen = await this.state.seenBy(scope);
    const key = JSON.stringify([toSetting(scope), tenant, site, gateway]);
    const body = this.overviews.get(key) ?? overviewOf([...seen].filter((member) => isAt(member, { tenant, site, gateway })));
    this.overviews.set(key, body);
    return { ...body, ...this.state.freshness() };
  }
}
