import { Inject, Injectable } from '@nestjs/common';
import type { Scope } from '../../proto/http/scope.ts';
import { isOpenEvent, WAN_EVENT_STATES } from '../../proto/model/wan-event.ts';
import { Database, type Transaction } from '../platform/database.ts';
import type { TenantScope } from '../platform/tenant-scope.ts';
import type { GatewayRow } from './gateway-view.ts';
import type { toSelfDescription } from './self-description.ts';

/** Of one gateway, beyond what any has. */
const MAX_EVENTS = 10;
const JOINED = {
  tenant: { select: { name: true } },
  site: { select: { name: true } },
  link: true,
  wanEvents: {
    where: { state: { in: WAN_EVENT_STATES.filter((state) => isOpenEvent({ state })) } },
    orderBy: { id: 'desc' },
    take: MAX_EVENTS,
  },
} as const;

/** A position in a list ordered by name. */
export interface NamePlace {
  name: string;
  id: string;
}

/** Where a gateway belongs, as far as scopes and waves need it. */
export interface Place {
  id: string;
  tenantId: string;
  siteId: string;
  tags: string[];
}

@Injectable()
export class GatewaysRepository {
  constructor(@Inject(Database) private readonly database: Database) {}

  /** By id, which never changes, after an id. */
  async pageById(t: Transaction, after: string | undefined, limit: number): Promise<GatewayRow[]> {
    return t.gateway.findMany({
      where: after === undefined ? {} : { id: { gt: after } },
      include: JOINED,
      orderBy: { id: 'asc' },
      take: limit,
    });
  }

  async findMany(t: Transaction, ids: string[]): Promise<GatewayRow[]> {
    return t.gateway.findMany({ where: { id: { in: ids } }, include: JOINED });
  }

  async find(t: Transaction, id: string): Promise<GatewayRow | undefined> {
    return (await t.gateway.findUnique({ where: { id }, include: JOINED })) ?? undefined;
  }

  /** The places of all visible gateways, without joined rows; revoked gateways never. */
  async places(t: Transaction): Promise<Place[]> {
    return t.gateway.findMany({ where: { revokedAt: null }, select: { id: true, tenantId: true, siteId: true, tags: true } });
  }

  /** Gateways that match every list of the scope; revoked gateways never. */
  async inScope(scope: TenantScope, wanted: Scope): Promise<GatewayRow[]> {
    return this.database.transact(scope, (t) =>
      t.gateway.findMany({
        where: {
          revokedAt: null,
          tenantId: wanted.tenants && { in: wanted.tenants },
          siteId: wanted.sites && { in: wanted.sites },
          id: wanted.gateways && { in: wanted.gateways },
          tags: wanted.tags && { hasSome: wanted.tags },
        },
        include: JOINED,
        orderBy: [{ name: 'asc' }, { id: 'asc' }],
      }),
    );
  }

  /** How many of the ids named in a scope are visible, per list. */
  async countNamed(scope: TenantScope, wanted: Scope): Promise<{ tenants: number; sites: number; gateways: number }> {
    return this.database.transact(scope, async (t) => ({
      tenants: wanted.tenants ? await t.tenant.count({ where: { id: { in: wanted.tenants } } }) : 0,
      sites: wanted.sites ? await t.site.count({ where: { id: { in: wanted.sites } } }) : 0,
      gateways: wanted.gateways ? await t.gateway.count({ where: { id: { in: wanted.gateways } } }) : 0,
    }));
  }

  async update(t: Transaction, id: string, change: { name?: string; tags?: string[] }): Promise<void> {
    await t.gateway.updateMany({ where: { id }, data: change });
  }

  /** True if it was not revoked before. */
  async revoke(t: Transaction, id: string, now: Date): Promise<boolean> {
    return (await t.gateway.updateMany({ where: { id, revokedAt: null }, data: { revokedAt: now } })).count === 1;
  }

  /**
   * True if it was set aside before. The holders of its link and of its newest certificate are forgotten: the next agent to connect or to
   * renew becomes the holder.
   */
  async reinstate(t: Transaction, id: string): Promise<boolean> {
    // The session's row first, as when an agent connects: two transactions must not wait for each other.
    const isSetAside = { setAsideAt: { not: null }, revokedAt: null };
    await t.linkSession.updateMany({
      where: { gatewayId: id, gateway: isSetAside },
      data: { instanceId: null, superseded: [], takeovers: 0, takeoversSince: null },
    });
    const { count } = await t.gateway.updateMany({
      where: { id, ...isSetAside },
      data: { setAsideAt: null, setAsideReason: null, certificateKey: null },
    });
    return count === 1;
  }

  /** Stores what a gateway reports about itself. */
  /** Writes only what has changed: a fleet that comes back says what it said before. */
  async describe(t: Transaction, id: string, said: ReturnType<typeof toSelfDescription>): Promise<void> {
    const { agentVersion, kernel, tableKind } = said;
    const [capabilities, wans] = [JSON.stringify(said.capabilities), JSON.stringify(said.wans)];
    const guard = said.guard ? JSON.stringify(said.guard) : null;
    await t.$executeRaw`
      UPDATE gateway
      SET agent_version = ${agentVersion}, kernel = ${kernel}, table_kind = ${tableKind}, capabilities = ${capabilities}::jsonb,
        wans = ${wans}::jsonb, guard = ${guard}::jsonb
      WHERE id = ${id}::uuid AND (agent_version, kernel, table_kind, capabilities, wans, guard)
        IS DISTINCT FROM (${agentVersion}, ${kernel}, ${tableKind}, ${capabilities}::jsonb, ${wans}::jsonb, ${guard}::jsonb)`;
  }

  /**
   * Stores the WANs of gateways, as JSON by id, and returns those that have them now. A gateway whose row is locked is left out: many must
   * not wait for one.
   */
  async setWans(t: Transaction, wans: ReadonlyMap<string, string>): Promise<Set<string>> {
    const rows = await t.$queryRaw<{ id: string }[]>`
      WITH told AS (SELECT * FROM unnest(${[...wans.keys()]}::uuid[], ${[...wans.values()]}::jsonb[]) AS told (id, wans)),
      free AS (
        SELECT id, told.wans FROM gateway JOIN told USING (id)
        WHERE gateway.wans IS DISTINCT FROM told.wans FOR NO KEY UPDATE OF gateway SKIP LOCKED
      ),
      changed AS (UPDATE gateway SET wans = free.wans FROM free WHERE gateway.id = free.id RETURNING gateway.id)
      SELECT id FROM changed UNION ALL SELECT id FROM gateway JOIN told USING (id) WHERE gateway.wans IS NOT DISTINCT FROM told.wans`;
    return new Set(rows.map(({ id }) => id));
  }
}

/** The part of a `where` that starts a list after a position. */
export function after(place: NamePlace | undefined): object {
  return place ? { OR: [{ name: { gt: place.name } }, { name: place.name, id: { gt: place.id } }] } : {};
}
