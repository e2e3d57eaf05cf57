import { Inject, Injectable } from '@nestjs/common';
import type { Gateway } from '../../proto/http/fleet.ts';
import type { Scope } from '../../proto/http/scope.ts';
import { FleetError } from '../../proto/model/error-codes.ts';
import type { Caller } from '../platform/caller.ts';
import { AuditService, toActor } from '../audit/audit.service.ts';
import { HistoryService } from '../history/history.service.ts';
import { CLOCK, type Clock } from '../platform/clock.ts';
import { CONFIG, type Config } from '../platform/config.ts';
import { Database, type Transaction } from '../platform/database.ts';
import { ReplicaNotifications } from '../platform/replica-notifications.ts';
import type { TenantScope } from '../platform/tenant-scope.ts';
import { toGatewayView, type GatewayReading, type GatewayRow } from './gateway-view.ts';
import { GatewaysRepository } from './gateways.repository.ts';
import { taken } from './tenants.service.ts';
import { GATEWAY_CHANGED, GATEWAY_REVOKED } from '../link/notifications.ts';
import { TAGS_CHANGED } from './notifications.ts';

@Injectable()
export class GatewaysService {
  constructor(
    @Inject(GatewaysRepository) private readonly gateways: GatewaysRepository,
    @Inject(HistoryService) private readonly history: HistoryService,
    @Inject(AuditService) private readonly audit: AuditService,
    @Inject(ReplicaNotifications) private readonly notifications: ReplicaNotifications,
    @Inject(Database) private readonly database: Database,
    @Inject(CONFIG) private readonly config: Config,
    @Inject(CLOCK) private readonly clock: Clock,
  ) {}

  /** What Postgres has of gateways of all tenants, by id, after an id: for the state of the fleet, which filters by tenant itself. */
  async readPage(after: string | undefined, limit: number): Promise<GatewayReading[]> {
    return this.read((t) => this.gateways.pageById(t, after, limit));
  }

  /** The same of some; those that do not exist are left out. */
  async readSome(ids: string[]): Promise<GatewayReading[]> {
    return this.read((t) => this.gateways.findMany(t, ids));
  }

  private async read(find: (t: Transaction) => Promise<GatewayRow[]>): Promise<GatewayReading[]> {
    return this.database.transact('all', async (t) => {
      const rows = await find(t);
      const usage = await this.history.usage(
        t,
        rows.map(({ id }) => id),
      );
      return rows.map((row) => ({ row, usage: usage.get(row.id) }));
    });
  }

  /** The gateways among the ids that are in scope. */
  async getMany(scope: TenantScope, ids: string[]): Promise<Gateway[]> {
    return this.database.transact(scope, async (t) => {
      const [rows, usage] = [await this.gateways.findMany(t, ids), await this.history.usage(t, ids)];
      return rows.map((row) => toGatewayView(row, usage.get(row.id), this.config, this.clock()));
    });
  }

  /** Throws NOT_FOUND for what does not exist or is out of scope, with the same answer for both. */
  async get(scope: TenantScope, id: string): Promise<Gateway> {
    const [gateway] = await this.getMany(scope, [id]);
    return gateway ?? notFound();
  }

  async update(caller: Caller, scope: TenantScope, id: string, change: { name?: string; tags?: string[] }): Promise<Gateway> {
    await this.database
      .transact(scope, async (t) => {
        const before = (await this.gateways.find(t, id)) ?? notFound();
        await this.gateways.update(t, id, change);
        this.audit.record(t, {
          tenantId: before.tenantId,
          actor: toActor(caller),
          action: 'gateway.changed',
          outcome: 'ok',
          summary: `${caller.name} changed ${before.name}`,
          gatewayId: id,
          gatewayName: before.name,
          detail: { before: { name: before.name, tags: before.tags }, change },
        });
        await this.notifications.send(t, GATEWAY_CHANGED, id);
        // Tags define partners, and scopes name tags.
        if (change.tags) await this.notifications.send(t, TAGS_CHANGED, id);
      })
      .catch(taken(`This tenant already has a gateway named ${change.name ?? ''}.`));
    return this.get(scope, id);
  }

  /** Revokes the identity; the replica that holds the link closes it when notified. */
  async revoke(caller: Caller, scope: TenantScope, id: string): Promise<Gateway> {
    await this.database.transact(scope, async (t) => {
      const row = (await this.gateways.find(t, id)) ?? notFound();
      if (!(await this.gateways.revoke(t, id, new Date(this.clock())))) return;
      this.audit.record(t, {
        tenantId: row.tenantId,
        actor: toActor(caller),
        action: 'gateway.revoked',
        outcome: 'ok',
        summary: `${caller.name} revoked ${row.name}`,
        gatewayId: id,
        gatewayName: row.name,
      });
      await this.notifications.send(t, GATEWAY_REVOKED, id);
      await this.notifications.send(t, GATEWAY_CHANGED, id);
    });
    return this.get(scope, id);
  }

  /** Accepts sessions again from a gateway that was set aside. No effect on other gateways. */
  async reinstate(caller: Caller, scope: TenantScope, id: string): Promise<Gateway> {
    await this.database.transact(scope, async (t) => {
      const row = (await this.gateways.find(t, id)) ?? notFound();
      if (!row.setAsideAt || row.revokedAt) return;
      this.audit.record(t, {
        tenantId: row.tenantId,
        actor: toActor(caller),
        action: 'gateway.reinstated',
        outcome: 'ok',
        summary: `${caller.name} reinstated ${row.name}: ctfleet accepts its sessions again`,
        gatewayId: id,
        gatewayName: row.name,
        detail: { setAsideAt: row.setAsideAt.toISOString(), reason: row.setAsideReason },
      });
      await this.gateways.reinstate(t, id);
      await this.notifications.send(t, GATEWAY_CHANGED, id);
    });
    return this.get(scope, id);
  }

  /**
   * The gateways of a scope, by name. Throws NOT_FOUND if it names something that the caller cannot see, SCOPE_EMPTY if nothing matches.
   */
  async inScope(scope: TenantScope, wanted: Scope): Promise<GatewayRow[]> {
    const seen = await this.gateways.countNamed(scope, wanted);
    for (const list of ['tenants', 'sites', 'gateways'] as const) {
      if (wanted[list] && seen[list] !== new Set(wanted[list]).size)
        throw new FleetError('NOT_FOUND', `scope.${list} names something that does not exist.`);
    }
    const rows = await this.gateways.inScope(scope, wanted);
    if (rows.length === 0) throw new FleetError('SCOPE_EMPTY', 'No gateway matches this scope. Widen it, or enrol a gateway.');
    return rows;
  }
}

function notFound(): never {
  throw new FleetError('NOT_FOUND', 'There is no such gateway.');
}
