import { Injectable } from '@nestjs/common';
import type { CameBack } from '../../proto/http/wan-events.ts';
import type { GatewayIdentity } from '../identity/gateway-identity.ts';
import type { Transaction } from '../platform/database.ts';

/** What a gateway says became of flows that a command or a run of it, by its id, ended. */
export interface ToldAftermath {
  identity: GatewayIdentity;
  id: string;
  cameBack: CameBack;
}

/** What became of the flows that commands, and runs of remediations on gateways, ended. */
@Injectable()
export class AftermathsRepository {
  /** What commands and runs of these gateways are about, by their ids; without those that are another gateway's, or nobody's. */
  async about(t: Transaction, told: readonly ToldAftermath[]): Promise<Map<string, { flushId: string | null; gatewayName: string }>> {
    const [ids, gatewayIds] = [told.map(({ id }) => id), told.map(({ identity }) => identity.gatewayId)];
    const rows = await t.$queryRaw<{ id: string; flushId: string | null; gatewayName: string }[]>`
      WITH told AS (SELECT * FROM unnest(${ids}::uuid[], ${gatewayIds}::uuid[]) AS told (id, gateway_id))
      SELECT told.id, flush_id AS "flushId", gateway.name AS "gatewayName"
      FROM told JOIN command USING (id, gateway_id) JOIN gateway ON gateway.id = told.gateway_id
      UNION ALL
      SELECT told.id, NULL, gateway.name
      FROM told JOIN remediation_run run USING (id, gateway_id) JOIN gateway ON gateway.id = told.gateway_id`;
    return new Map(rows.map((row) => [row.id, row]));
  }

  /** Each id at most once. Returns those that say more than what was stored; what is final stays. */
  async store(t: Transaction, told: readonly ToldAftermath[]): Promise<Set<string>> {
    if (told.length === 0) return new Set();
    const rows = await t.$queryRaw<{ id: string }[]>`
      INSERT INTO aftermath AS own (id, gateway_id, tenant_id, is_final, watched_at, came_back)
      SELECT * FROM unnest(${told.map(({ id }) => id)}::uuid[], ${told.map(({ identity }) => identity.gatewayId)}::uuid[],
        ${told.map(({ identity }) => identity.tenantId)}::uuid[], ${told.map(({ cameBack }) => cameBack.isFinal)}::boolean[],
        ${told.map(({ cameBack }) => cameBack.watchedAt)}::timestamptz[], ${told.map(({ cameBack }) => JSON.stringify(cameBack))}::jsonb[])
      ON CONFLICT (id) DO UPDATE SET is_final = excluded.is_final, watched_at = excluded.watched_at, came_back = excluded.came_back
        WHERE own.gateway_id = excluded.gateway_id AND NOT own.is_final AND own.watched_at < excluded.watched_at
      RETURNING own.id`;
    return new Set(rows.map(({ id }) => id));
  }

  /** By gateway, of a flush. */
  async ofFlush(t: Transaction, flushId: string): Promise<Map<string, CameBack>> {
    const rows = await t.$queryRaw<{ gatewayId: string; cameBack: CameBack }[]>`
      SELECT aftermath.gateway_id AS "gatewayId", came_back AS "cameBack" FROM aftermath JOIN command USING (id, gateway_id)
      WHERE flush_id = ${flushId}::uuid ORDER BY watched_at`;
    return new Map(rows.map(({ gatewayId, cameBack }) => [gatewayId, cameBack]));
  }

  /** By run. */
  async ofRuns(t: Transaction, runIds: readonly string[]): Promise<Map<string, CameBack>> {
    const rows = await t.aftermath.findMany({ where: { id: { in: [...runIds] } }, select: { id: true, cameBack: true } });
    return new Map(rows.map(({ id, cameBack }) => [id, cameBack as unknown as CameBack]));
  }
}
