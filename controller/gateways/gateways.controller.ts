import { Controller, Inject } from '@nestjs/common';
import type { z } from 'zod';
import * as fleet from '../../proto/http/fleet.ts';
import { Called, Handles, type Call } from '../platform/route-decorators.ts';
import { GatewaysService } from './gateways.service.ts';
import { TenantsService } from './tenants.service.ts';

@Controller()
export class GatewaysController {
  constructor(
    @Inject(TenantsService) private readonly tenants: TenantsService,
    @Inject(GatewaysService) private readonly gateways: GatewaysService,
  ) {}

  @Handles(fleet.listTenants)
  listTenants(@Called() { scope, query }: Call<typeof fleet.listTenants>): Promise<z.output<typeof fleet.listTenants.response>> {
    return this.tenants.list(scope, query);
  }

  @Handles(fleet.createTenant)
  createTenant(@Called() { caller, scope, body }: Call<typeof fleet.createTenant>): Promise<z.output<typeof fleet.createTenant.response>> {
    return this.tenants.create(caller, scope, body.name);
  }

  @Handles(fleet.updateTenant)
  updateTenant(
    @Called() { caller, scope, params, body }: Call<typeof fleet.updateTenant>,
  ): Promise<z.output<typeof fleet.updateTenant.response>> {
    return this.tenants.update(caller, scope, params.id, body);
  }

  @Handles(fleet.listSites)
  listSites(@Called() { scope, query }: Call<typeof fleet.listSites>): Promise<z.output<typeof fleet.listSites.response>> {
    return this.tenants.listSites(scope, query);
  }

  @Handles(fleet.createSite)
  createSite(@Called() { caller, scope, body }: Call<typeof fleet.createSite>): Promise<z.output<typeof fleet.createSite.response>> {
    return this.tenants.createSite(caller, scope, body);
  }

  @Handles(fleet.getGateway)
  get(@Called() { scope, params }: Call<typeof fleet.getGateway>): Promise<z.output<typeof fleet.getGateway.response>> {
    return this.gateways.get(scope, params.id);
  }

  @Handles(fleet.updateGateway)
  update(
    @Called() { caller, scope, params, body }: Call<typeof fleet.updateGateway>,
  ): Promise<z.output<typeof fleet.updateGateway.response>> {
    return this.gateways.update(caller, scope, params.id, body);
  }

  @Handles(fleet.revokeGateway)
  revoke(@Called() { caller, scope, params }: Call<typeof fleet.revokeGateway>): Promise<z.output<typeof fleet.revokeGateway.response>> {
    return this.gateways.revoke(caller, scope, params.id);
  }

  @Handles(fleet.reinstateGateway)
  reinstate(
    @Called() { caller, scope, params }: Call<typeof fleet.reinstateGateway>,
  ): Promise<z.output<typeof fleet.reinstateGateway.response>> {
    return this.gateways.reinstate(caller, scope, params.id);
  }
}
