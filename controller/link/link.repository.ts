import { Inject, Injectable } from '@nestjs/common';
import type { Hello, LocalGuard } from '../../proto/gen/ctfleet/v1/link.ts';
import type { Wan } from '../../proto/gen/ctfleet/v1/stats.ts';
import { formatAddress } from '../../proto/model/address.ts';
import type { GatewayIdentity } from '../enrolment/spiffe.ts';
import { fromWireMethods } from '../flushes/methods.ts';
import { Prisma } from '../generated/prisma/client.ts';
import { Database, type Transaction } from '../platform/database.ts';

const MAX_TEXT = 200;

/** The session registry, and what a gateway says of itself. */
@Injectable()
export class LinkRepository {
  constructor(@Inject(Database) private readonly database: Database) {}

  /** True if the gateway exists in the certificate's tenant and is not revoked. */
  async isActive(t: Transaction, { tenantId, gatewayId }: GatewayIdentity): Promise<boolean> {
    return (await t.gateway.count({ where: { id: gatewayId, tenantId, revokedAt: null } })) === 1;
  }

  /** Registers a session and returns its epoch, higher than any before it. */
  async open(t: Transaction, { tenantId, gatewayId }: GatewayIdentity, replicaId: string, now: Date): Promise<bigint> {
    const [row] = await t.$queryRaw<{ epoch: bigint }[]>`
      INSERT INTO link_session AS held (gateway_id, tenant_id, replica_id, epoch, connected_at, last_heard_at)
      VALUES (${gatewayId}::uuid, ${tenantId}::uuid, ${replicaId}::uuid, 1, ${now}, ${now})
      ON CONFLICT (gateway_id) DO UPDATE SET replica_id = excluded.replica_id, epoch = held.epoch + 1, connected_at = excluded.connected_at,
        last_heard_at = excluded.last_heard_at, closed_at = NULL
      RETURNING epoch`;
    if (!row) throw new Error('the session registry gave no epoch');
    return row.epoch;
  }

  /** Closes a session in the registry unless a newer one is there. */
  async close(t: Transaction, gatewayId: string, epoch: bigint, at: Date): Promise<boolean> {
    return (await t.linkSession.updateMany({ where: { gatewayId, epoch, closedAt: null }, data: { closedAt: at } })).count === 1;
  }

  /** Notes when sessions were last heard, and returns the gateways whose session is no longer the newest or whose gateway is revoked. */
  async heard(sessions: { gatewayId: string; epoch: bigint; atMs: number }[]): Promise<string[]> {
    if (sessions.length === 0) return [];
    const json = JSON.stringify(sessions.map(({ gatewayId, epoch, atMs }) => ({ id: gatewayId, epoch: String(epoch), at: new Date(atMs).toISOString() })));
    return this.database.transact('all', async (t) => {
      const kept = await t.$queryRaw<{ gateway_id: string }[]>`
        UPDATE link_session AS held SET last_heard_at = greatest(held.last_heard_at, now.at)
        FROM jsonb_to_recordset(${json}::jsonb) AS now(id uuid, epoch bigint, at timestamptz), gateway
        WHERE held.gateway_id = now.id AND held.epoch = now.epoch AND gateway.id = now.id AND gateway.revoked_at IS NULL
        RETURNING held.gateway_id`;
      const ids = new Set(kept.map((row) => row.gateway_id));
      return sessions.map((session) => session.gatewayId).filter((id) => !ids.has(id));
    });
  }

  async describe(t: Transaction, gatewayId: string, hello: Hello): Promise<void> {
    await t.gateway.update({
      where: { id: gatewayId },
      data: {
        agentVersion: hello.agentVersion.slice(0, MAX_TEXT), kernel: hello.kernel.slice(0, MAX_TEXT), tableKind: hello.tableKind === 'memory' ? 'memory' : 'kernel',
        capabilities: { can: (hello.capabilities?.can ?? []).slice(0, 100), cannot: hello.capabilities?.cannot ?? {}, ...(hello.tableError !== '' && { tableError: hello.tableError.slice(0, MAX_TEXT) }) },
        wans: hello.wans.map(toWanJson),
        guard: hello.guard ? toGuardJson(hello.guard) : Prisma.DbNull,
      },
    });
  }

  async setWans(t: Transaction, gatewayId: string, wans: Wan[]): Promise<void> {
    await t.gateway.updateMany({ where: { id: gatewayId }, data: { wans: wans.map(toWanJson) } });
  }
}

function toGuardJson({ isReadOnly, methods, mostDeletesAMinute, mostPercentOfTable, isBuiltIn, protected: filters, error }: LocalGuard) {
  return {
    isReadOnly, methods: fromWireMethods(methods), mostDeletesAMinute, mostPercentOfTable, isBuiltIn, protected: filters.slice(0, 100).map((filter) => filter.slice(0, MAX_TEXT)),
    ...(error !== '' && { error: error.slice(0, MAX_TEXT) }),
  };
}

function toWanJson(wan: Wan) {
  return {
    name: wan.name.slice(0, 64), interface: wan.interface.slice(0, 64), isUp: wan.isUp, carriesDefaultRoute: wan.carriesDefaultRoute,
    addresses: wan.addresses.filter(({ length }) => length === 4 || length === 16).slice(0, 32).map(formatAddress),
  };
}
