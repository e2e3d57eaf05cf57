import { Injectable } from '@nestjs/common';
import type { CameBack } from '../../proto/http/wan-events.ts';
import type { GatewayIdentity } from '../identity/gateway-identity.ts';
import type { Transaction } from '../platform/database.ts';

/** What became of the flows that commands, and runs of remediations on gateways, ended. */
@Injectable()
export class AftermathsRepository {
  /** What a command or a run of this gateway is about; undefined if it has none with that id. */
  async about(t: Transaction, gatewayId: string, id: string): Promise<{ flushId: string | null; gatewayName: string } | undefined> {
    const [row] = await t.$queryRaw<{ flushId: string | null; gatewayName: string }[]>`
      SELECT flush_id AS "flushId", gateway.name AS "gatewayName" FROM command JOIN gateway ON gateway.id = gateway_id
      WHERE command.id = ${id}::uuid AND gateway_id = ${gatewayId}::uuid
      UNION ALL
      SELECT NULL, gateway.name FROM remediation_run run JOIN gateway ON gateway.id = run.gateway_id
      WHERE run.id = ${id}::uuid AND run.gateway_id = ${gatewayId}::uuid`;
    return row;
  }

  /** True if it says more than what was stored; what is final stays. */
  async store(t: Transaction, { gatewayId, tenantId }: GatewayIdentity, id: string, cameBack: CameBack): Promise<boolean> {
    const count = await t.$executeRaw`
      INSERT INTO aftermath AS own (id, gateway_id, tenant_id, is_final, watched_at, came_back)
      VALUES (${id}::uuid, ${gatewayId}::uuid, ${tenantId}::uuid, ${cameBack.isFinal}, ${cameBack.watchedAt}::timestamptz,
        ${JSON.stringify(cameBack)}::jsonb)
      ON CONFLICT (id) DO UPDATE SET is_final = excluded.is_final, watched_at = excluded.watched_at, came_back = excluded.came_back
        WHERE own.gateway_id = excluded.gateway_id AND NOT own.is_final AND own.watched_at < excluded.watched_at`;
    return count === 1;
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
