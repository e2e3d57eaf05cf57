import { Injectable } from '@nestjs/common';
import type { Transaction } from '../platform/database.ts';
import { Prisma } from '../generated/prisma/client.ts';
import { SAMPLE_COLUMNS } from '../history/columns.ts';
import type { Breakdown } from '../history/sample-row.ts';
import { NEW_GATEWAY, remembering, type GatewayMemory } from './judging/gateway-memory.ts';
import type { JudgedSample } from './judging/sample-context.ts';
import type { RuleState } from './judging/step.ts';

/** A gateway whose samples are about to be judged by a replica that remembers nothing of it. */
export interface Unknown {
  gatewayId: string;
  firstMs: number;
  lastMs: number;
}

type StoredSample = { id: string; at: Date; breakdown: Breakdown | null } & Record<string, unknown>;

const COLUMNS = Prisma.raw(SAMPLE_COLUMNS.map(({ name }) => `s."${name}"`).join(', '));

/** How far gateways were judged. */
@Injectable()
export class AlertStatesRepository {
  /**
   * What a replica that judged all stored samples of these gateways would remember before those that came now. It costs one statement for
   * all, and is asked once a session: after that the replica remembers.
   */
  async load(t: Transaction, unknown: Unknown[]): Promise<Map<string, GatewayMemory>> {
    const given = JSON.stringify(unknown.map(({ gatewayId, firstMs }) => ({ id: gatewayId, first: new Date(firstMs) })));
    const wanted = Prisma.sql`json_to_recordset(${given}::json) AS wanted(id uuid, first timestamptz)`;
    const states = await t.$queryRaw<
      { id: string; version: number | null; judgedAt: Date | null; rules: object | null; newest: Date | null }[]
    >`
      SELECT wanted.id, a.version, a.judged_at AS "judgedAt", a.rules,
        (SELECT max(at) FROM sample WHERE gateway_id = wanted.id AND at >= wanted.first) AS newest
      FROM ${wanted} LEFT JOIN alert_state a ON a.gateway_id = wanted.id`;
    const samples = await t.$queryRaw<StoredSample[]>`
      SELECT wanted.id, found.* FROM ${wanted} CROSS JOIN LATERAL (
        (SELECT DISTINCT ON (date_trunc('minute', s.at)) s.at, NULL::jsonb AS breakdown, ${COLUMNS} FROM sample s
          WHERE s.gateway_id = wanted.id AND s.at >= wanted.first - interval '10 minutes' AND s.at < wanted.first
          ORDER BY date_trunc('minute', s.at), s.at)
        UNION ALL
        (SELECT s.at, s.breakdown, ${COLUMNS} FROM sample s
          WHERE s.gateway_id = wanted.id AND s.at >= wanted.first - interval '10 minutes' AND s.at < wanted.first
          ORDER BY s.at DESC LIMIT 1)
        UNION ALL
        (SELECT s.at, s.breakdown, ${COLUMNS} FROM sample s
          WHERE s.gateway_id = wanted.id AND s.at >= wanted.first - interval '10 minutes' AND s.at < wanted.first
            AND s.breakdown IS NOT NULL
          ORDER BY s.at DESC LIMIT 1)
      ) AS found`;
    const before = Map.groupBy(samples, ({ id }) => id);
    return new Map(
      states.map((state) => {
        const { lastMs } = unknown.find(({ gatewayId }) => gatewayId === state.id)!;
        return [state.id, toMemory(state, (before.get(state.id) ?? []).map(toSample), lastMs)];
      }),
    );
  }

  /** Writes what changed, each on top of the version that it was judged from. Returns the gateways for which that was no longer so. */
  async save(t: Transaction, states: { gatewayId: string; tenantId: string; memory: GatewayMemory }[]): Promise<string[]> {
    const given = JSON.stringify(
      states.map(({ gatewayId, tenantId, memory: { version, judgedMs, rules } }) => ({
        gateway_id: gatewayId,
        tenant_id: tenantId,
        version,
        judged_at: new Date(judgedMs),
        rules,
      })),
    );
    const saved = await t.$queryRaw<{ id: string }[]>`
      INSERT INTO alert_state AS a (gateway_id, tenant_id, version, judged_at, rules)
      SELECT gateway_id, tenant_id, version, judged_at, rules FROM json_to_recordset(${given}::json)
        AS g(gateway_id uuid, tenant_id uuid, version integer, judged_at timestamptz, rules jsonb) ORDER BY gateway_id
      ON CONFLICT (gateway_id) DO UPDATE SET version = excluded.version, judged_at = excluded.judged_at, rules = excluded.rules
        WHERE a.version = excluded.version - 1
      RETURNING a.gateway_id AS id`;
    const ids = new Set(saved.map(({ id }) => id));
    return states.flatMap(({ gatewayId }) => (ids.has(gatewayId) ? [] : [gatewayId]));
  }
}

/** Samples after those that came now were judged before them: then all that came are late. */
function toMemory(
  state: { version: number | null; judgedAt: Date | null; rules: object | null; newest: Date | null },
  samples: JudgedSample[],
  lastMs: number,
): GatewayMemory {
  const memory = samples.toSorted((a, b) => a.atMs - b.atMs).reduce(remembering, NEW_GATEWAY);
  const newestMs = state.newest?.getTime() ?? -Infinity;
  return {
    ...memory,
    version: state.version ?? 0,
    rules: (state.rules ?? {}) as Record<string, RuleState>,
    judgedMs: Math.max(state.judgedAt?.getTime() ?? -Infinity, memory.judgedMs, newestMs > lastMs ? newestMs : -Infinity),
  };
}

function toSample(row: StoredSample): JudgedSample {
  const known = SAMPLE_COLUMNS.flatMap(({ measure, name }) =>
    row[name] === null || row[name] === undefined ? [] : [[measure, Number(row[name])] as const],
  );
  return { atMs: row.at.getTime(), numbers: Object.fromEntries(known), ...(row.breakdown && { breakdown: row.breakdown }) };
}
