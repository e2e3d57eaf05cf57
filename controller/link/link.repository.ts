import { Inject, Injectable } from '@nestjs/common';
import type { GatewayIdentity } from '../identity/gateway-identity.ts';
import { Database, type Transaction } from '../platform/database.ts';
import type { Certificates } from './generations.ts';
import type { Held } from './holders.ts';
import type { Numbers } from './numbers.ts';
import { sessionState } from './session-state.ts';

/** What the registry and the gateway's row contain before a session opens. */
export interface Known {
  name: string;
  setAsideReason?: string;
  numbers: Numbers;
  certificates: Certificates;
  /** Of the certificate that it last opened a session with. */
  issuerId?: string;
  held: Held;
}

/** The session registry. */
@Injectable()
export class LinkRepository {
  constructor(@Inject(Database) private readonly database: Database) {}

  /** What is known of a gateway that exists in the certificate's tenant and is not revoked; its row in the registry is locked. */
  async find(t: Transaction, { tenantId, gatewayId }: GatewayIdentity, now: Date): Promise<Known | undefined> {
    await t.$queryRaw`SELECT 1 FROM link_session WHERE gateway_id = ${gatewayId}::uuid FOR NO KEY UPDATE`;
    const row = await t.gateway.findFirst({ where: { id: gatewayId, tenantId, revokedAt: null }, include: { link: true } });
    if (!row) return undefined;
    const { link } = row;
    return {
      name: row.name,
      setAsideReason: row.setAsideAt ? (row.setAsideReason ?? '') : undefined,
      numbers: { seq: row.commandSeq, epoch: link?.epoch ?? 0n },
      certificates: {
        generation: row.certificateGeneration,
        keyHash: row.certificateKey ?? undefined,
        used: row.certificateUsed,
      },
      issuerId: row.certificateIssuer ?? undefined,
      held: {
        instanceId: link?.instanceId ?? undefined,
        superseded: link?.superseded ?? [],
        takeovers: link?.takeovers ?? 0,
        takeoversSinceMs: link?.takeoversSince?.getTime(),
        isAlive: link !== null && sessionState(link, now.getTime()).state === 'online',
      },
    };
  }

  /** Registers a session and returns its epoch, higher than any before it and any that the agent has seen. */
  async open(
    t: Transaction,
    { tenantId, gatewayId }: GatewayIdentity,
    session: { replicaId: string; holder: Omit<Held, 'isAlive'>; lastEpoch: bigint },
    now: Date,
  ): Promise<bigint> {
    const { holder, replicaId, lastEpoch } = session;
    const since = holder.takeoversSinceMs === undefined ? null : new Date(holder.takeoversSinceMs);
    const [row] = await t.$queryRaw<{ epoch: bigint }[]>`
      INSERT INTO link_session AS held (
        gateway_id, tenant_id, replica_id, epoch, connected_at, last_heard_at,
        instance_id, superseded, takeovers, takeovers_since
      )
      VALUES (
        ${gatewayId}::uuid, ${tenantId}::uuid, ${replicaId}::uuid, ${lastEpoch} + 1, ${now}, ${now},
        ${holder.instanceId ?? null}, ${[...holder.superseded]}::text[], ${holder.takeovers}, ${since}::timestamptz
      )
      ON CONFLICT (gateway_id) DO UPDATE
      SET replica_id = excluded.replica_id, epoch = greatest(held.epoch + 1, excluded.epoch), connected_at = excluded.connected_at,
        last_heard_at = excluded.last_heard_at, closed_at = NULL, interrupted_at = NULL,
        instance_id = excluded.instance_id, superseded = excluded.superseded,
        takeovers = excluded.takeovers, takeovers_since = excluded.takeovers_since
      RETURNING epoch`;
    if (!row) throw new Error('the session registry returned no epoch');
    return row.epoch;
  }

  /** Keeps what is known of a gateway's certificates; `endsAt` of the newest. */
  async setCertificates(t: Transaction, gatewayId: string, { generation, keyHash, used }: Certificates, endsAt?: Date): Promise<void> {
    await t.gateway.update({
      where: { id: gatewayId },
      data: {
        certificateGeneration: generation,
        certificateKey: keyHash ?? null,
        certificateUsed: used,
        ...(endsAt && { certificateEndsAt: endsAt }),
      },
    });
  }

  /** Keeps whose certificate a gateway opened a session with. */
  async setIssuer(t: Transaction, gatewayId: string, issuerId: string): Promise<void> {
    await t.gateway.update({ where: { id: gatewayId }, data: { certificateIssuer: issuerId } });
  }

  /** Locks what a renewal decides by, in the order of hellos: two renewals of one certificate are decided one after the other. */
  async lock(t: Transaction, gatewayId: string): Promise<void> {
    await t.$queryRaw`SELECT 1 FROM link_session WHERE gateway_id = ${gatewayId}::uuid FOR NO KEY UPDATE`;
    await t.$queryRaw`SELECT 1 FROM gateway WHERE id = ${gatewayId}::uuid FOR NO KEY UPDATE`;
  }

  /** Refuses sessions and commands for the gateway until a person decides. */
  async setAside(t: Transaction, gatewayId: string, reason: string, now: Date): Promise<void> {
    await t.gateway.updateMany({ where: { id: gatewayId, setAsideAt: null }, data: { setAsideAt: now, setAsideReason: reason } });
    await t.linkSession.updateMany({ where: { gatewayId, closedAt: null }, data: { closedAt: now } });
  }

  /** Closes a session in the registry unless there is a newer one. */
  async close(t: Transaction, gatewayId: string, epoch: bigint, at: Date): Promise<boolean> {
    return (await t.linkSession.updateMany({ where: { gatewayId, epoch, closedAt: null }, data: { closedAt: at } })).count === 1;
  }

  /** Closes the sessions of replicas that went away, or with `gatewayIds` only theirs; returns the gateways whose session was open. */
  async interrupt(t: Transaction, replicaIds: string[], gatewayIds?: string[]): Promise<string[]> {
    const rows = await t.$queryRaw<{ gateway_id: string }[]>`
      UPDATE link_session SET closed_at = now.at, interrupted_at = now.at FROM (SELECT clock_timestamp() AS at) AS now
      WHERE replica_id = ANY (${replicaIds}::uuid[]) AND closed_at IS NULL
        AND (${gatewayIds === undefined} OR gateway_id = ANY (${gatewayIds ?? []}::uuid[]))
      RETURNING gateway_id`;
    return rows.map((row) => row.gateway_id);
  }

  /** Opens again what others closed because they took this replica for dead; not where the gateway has a newer session. */
  async resume(t: Transaction, replicaId: string, sessions: { gatewayId: string; epoch: bigint }[]): Promise<string[]> {
    const rows = await t.$queryRaw<{ gateway_id: string }[]>`
      UPDATE link_session AS held SET closed_at = NULL, interrupted_at = NULL
      FROM unnest(${sessions.map(({ gatewayId }) => gatewayId)}::uuid[], ${sessions.map(({ epoch }) => epoch)}::bigint[]) AS open(id, epoch)
      WHERE held.gateway_id = open.id AND held.epoch = open.epoch AND held.replica_id = ${replicaId}::uuid
        AND held.interrupted_at >= held.closed_at
      RETURNING held.gateway_id`;
    return rows.map((row) => row.gateway_id);
  }

  /** The replica that holds each gateway's open session; a gateway without one is absent. */
  async holders(gatewayIds: string[]): Promise<Map<string, string>> {
    const rows = await this.database.transact('all', (t) =>
      t.linkSession.findMany({ where: { gatewayId: { in: gatewayIds }, closedAt: null }, select: { gatewayId: true, replicaId: true } }),
    );
    return new Map(rows.map(({ gatewayId, replicaId }) => [gatewayId, replicaId]));
  }

  /**
   * Records when sessions were last heard from, and returns the gateways whose session is no longer the newest or whose gateway is revoked.
   */
  async heard(sessions: { gatewayId: string; epoch: bigint; atMs: number }[]): Promise<Set<string>> {
    if (sessions.length === 0) return new Set();
    const json = JSON.stringify(
      sessions.map(({ gatewayId, epoch, atMs }) => ({ id: gatewayId, epoch: String(epoch), at: new Date(atMs).toISOString() })),
    );
    return this.database.transact('all', async (t) => {
      const kept = await t.$queryRaw<{ gateway_id: string }[]>`
        UPDATE link_session AS held SET last_heard_at = greatest(held.last_heard_at, now.at)
        FROM jsonb_to_recordset(${json}::jsonb) AS now(id uuid, epoch bigint, at timestamptz), gateway
        WHERE held.gateway_id = now.id AND held.epoch = now.epoch
          AND gateway.id = now.id AND gateway.revoked_at IS NULL AND gateway.set_aside_at IS NULL
        RETURNING held.gateway_id`;
      const ids = new Set(kept.map((row) => row.gateway_id));
      return new Set(sessions.map((session) => session.gatewayId).filter((id) => !ids.has(id)));
    });
  }
}
