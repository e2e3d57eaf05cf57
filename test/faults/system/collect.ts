import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import type pg from 'pg';
import type { HashedEntry } from '../../../controller/audit/chain.ts';
import { FlowBatch } from '../../../proto/gen/ctfleet/v1/flow.ts';
import { fromWireFlow } from '../../../proto/wire/flow.ts';
import { nameOf, type CommandRecord, type Deed, type FlushRecord, type GatewayRow, type PlanRecord, type Point } from '../history.ts';
import { withClient } from './parts.ts';
import { DEEDS_FILE, mergeDeeds } from './table-log.ts';

/**
 * A sample's time is its walk's, shifted by what the agent believes its controller's clock to be. A first word that was late, because its
 * sender was stopped or the link slow, distorts that by as much until the next.
 */
const SAMPLE_SLACK_MS = 4500;

export interface PlacedAgent {
  id: string;
  name: string;
  tenantId: string;
  stateDir: string;
}

/** What the controller stored, as the history has it. */
export interface Stored {
  plans: PlanRecord[];
  flushes: FlushRecord[];
  commands: CommandRecord[];
  audit: HashedEntry[];
}

export async function collectStored(databaseUrl: string): Promise<Stored> {
  return withClient(databaseUrl, async (client) => {
    const entries = await audit(client);
    return {
      plans: await plans(client),
      flushes: await flushes(client, entries),
      commands: await commands(client),
      audit: entries,
    };
  });
}

/**
 * Each sample is a point of its own; the agent's clock and its controller's are this machine's. Collected before the deeds: agents go on
 * sampling.
 */
export async function collectPoints(databaseUrl: string): Promise<Point[]> {
  return withClient(databaseUrl, async (client) => {
    const { rows } = await client.query<{ gateway_id: string; at: Date }>('SELECT gateway_id, at FROM sample');
    return rows.map(({ gateway_id: gatewayId, at }) => ({
      gatewayId,
      fromMs: at.getTime() - SAMPLE_SLACK_MS,
      toMs: at.getTime() + SAMPLE_SLACK_MS,
    }));
  });
}

/** What every gateway did. */
export function collectDeeds(agents: readonly PlacedAgent[]): Deed[] {
  return agents.flatMap(({ id, stateDir }) => {
    const [log, journal] = [path.join(stateDir, DEEDS_FILE), path.join(stateDir, 'journal')];
    return existsSync(log) ? mergeDeeds(id, readFileSync(log, 'utf8'), existsSync(journal) ? readFileSync(journal) : Buffer.alloc(0)) : [];
  });
}

export function toGateways(agents: readonly PlacedAgent[], deeds: readonly Deed[]): GatewayRow[] {
  // TCP is what every gateway's owner protects (slots.ts), whatever the entry's id became.
  const kept = new Set(
    deeds.flatMap((deed) => (deed.kind === 'delete' || deed.kind === 'expire' ? deed.flows.filter((flow) => flow.startsWith('6 ')) : [])),
  );
  return agents.map(({ id, tenantId }) => ({ id, tenantId, protectedFlows: kept }));
}

/** Targets that have not ended, and those that have. */
export async function progressOf(databaseUrl: string): Promise<{ unfinished: number; finished: number }> {
  return withClient(databaseUrl, async (client) => {
    const {
      rows: [row],
    } = await client.query<{ unfinished: number; finished: number }>(
      `SELECT count(*) FILTER (WHERE state IN ('waiting', 'offline', 'running', 'verifying'))::int AS unfinished, count(*) FILTER (WHERE state NOT IN ('waiting', 'offline', 'running', 'verifying'))::int AS finished FROM flush_target`,
    );
    return row!;
  });
}

/** Gateways with an open session that began since then. */
export async function linkedSince(databaseUrl: string, sinceMs: number): Promise<number> {
  return withClient(databaseUrl, async (client) => {
    const {
      rows: [row],
    } = await client.query<{ count: number }>(
      'SELECT count(*)::int AS count FROM link_session WHERE closed_at IS NULL AND connected_at >= $1',
      [new Date(sinceMs)],
    );
    return row!.count;
  });
}

/** `ended`: gateways that hold a certificate past its end. `least`: the lowest generation of any. `astray`: set aside, or revoked. */
export async function certificatesOf(databaseUrl: string): Promise<{ ended: number; least: number; total: number; astray: number }> {
  return withClient(databaseUrl, async (client) => {
    const {
      rows: [row],
    } = await client.query<{ ended: number; least: number; total: number; astray: number }>(
      `SELECT count(*) FILTER (WHERE certificate_ends_at <= now())::int AS ended, min(certificate_generation)::int AS least,
         sum(certificate_generation)::int AS total,
         count(*) FILTER (WHERE set_aside_at IS NOT NULL OR revoked_at IS NOT NULL)::int AS astray
       FROM gateway`,
    );
    return row!;
  });
}

/** Whether a gateway's certificate has more than three and a half minutes to go, out of five at least. */
export async function isCertificateNew(databaseUrl: string, gatewayId: string): Promise<boolean> {
  const sql = `SELECT 1 FROM gateway WHERE id = $1 AND certificate_ends_at > now() + interval '210 seconds'`;
  return withClient(databaseUrl, async (client) => (await client.query(sql, [gatewayId])).rowCount === 1);
}

export async function isSetAside(databaseUrl: string, gatewayId: string): Promise<boolean> {
  return withClient(
    databaseUrl,
    async (client) => (await client.query('SELECT 1 FROM gateway WHERE id = $1 AND set_aside_at IS NOT NULL', [gatewayId])).rowCount === 1,
  );
}

async function plans(client: pg.Client): Promise<PlanRecord[]> {
  const { rows } = await client.query<{ id: string; digest: string; method: string; friction: string; approved: boolean }>(
    'SELECT plan.id, plan.digest, method, friction, plan_approval.plan_id IS NOT NULL AS approved FROM plan LEFT JOIN plan_approval ON plan_approval.plan_id = plan.id',
  );
  const flows = new Map<string, Map<string, Set<string>>>(rows.map((row) => [row.id, new Map()]));
  const { rows: chunks } = await client.query<{ plan_id: string; gateway_id: string; batch: Buffer }>(
    'SELECT plan_id, gateway_id, batch FROM plan_chunk',
  );
  for (const { plan_id: planId, gateway_id: gatewayId, batch } of chunks) {
    const own = flows.get(planId)!;
    if (!own.has(gatewayId)) own.set(gatewayId, new Set());
    for (const flow of FlowBatch.decode(batch).flows) own.get(gatewayId)!.add(nameOf(fromWireFlow(flow)));
  }
  return rows.map(({ id, digest, method, friction, approved }) => ({
    id,
    digest,
    method,
    needsApproval: friction === 'second-person',
    isApproved: approved,
    flows: flows.get(id)!,
  }));
}

/** A target's end is when it was recorded: the time of its result is by the gateway's own clock. */
async function flushes(client: pg.Client, entries: readonly HashedEntry[]): Promise<FlushRecord[]> {
  const recorded = new Map<string, number>();
  for (const { action, flushId, gatewayId, at } of entries) {
    if (action === 'flush.target-finished')
      recorded.set(`${flushId} ${gatewayId}`, Math.min(recorded.get(`${flushId} ${gatewayId}`) ?? Infinity, Date.parse(at)));
  }
  const { rows } = await client.query<{
    flush_id: string;
    plan_id: string;
    gateway_id: string;
    wave: number;
    state: string;
    reason: string | null;
    deleted: number;
    reappeared: number;
    restored: number;
    indeterminate: number;
    finished_at: Date | null;
  }>(
    'SELECT flush_id, plan_id, gateway_id, flush_target.wave, flush_target.state, reason, deleted, reappeared, restored, indeterminate, flush_target.finished_at FROM flush_target JOIN flush ON flush.id = flush_id',
  );
  return [...Map.groupBy(rows, (row) => row.flush_id)].map(([id, targets]) => ({
    id,
    planId: targets[0]!.plan_id,
    targets: targets.map(
      ({ gateway_id: gatewayId, finished_at: finishedAt, reason, wave, state, deleted, reappeared, restored, indeterminate }) => ({
        gatewayId,
        wave,
        state,
        deleted,
        reappeared,
        restored,
        indeterminate,
        reason: reason ?? undefined,
        finishedAtMs: finishedAt ? (recorded.get(`${id} ${gatewayId}`) ?? finishedAt.getTime()) : undefined,
      }),
    ),
  }));
}

async function commands(client: pg.Client): Promise<CommandRecord[]> {
  const { rows } = await client.query<{
    id: string;
    gateway_id: string;
    tenant_id: string;
    flush_id: string;
    plan_id: string;
    seq: string;
    state: string;
    created_at: Date;
    not_after: Date;
    undo_of: string | null;
  }>('SELECT * FROM command');
  return rows.map((row) => ({
    id: row.id,
    gatewayId: row.gateway_id,
    tenantId: row.tenant_id,
    flushId: row.flush_id,
    planId: row.plan_id,
    seq: BigInt(row.seq),
    state: row.state,
    createdAtMs: row.created_at.getTime(),
    notAfterMs: row.not_after.getTime(),
    undoOf: row.undo_of ?? undefined,
  }));
}

interface EntryRow {
  id: string;
  chain: string;
  seq: string;
  at: Date;
  actor_kind: string;
  actor_id: string;
  actor_name: string;
  action: string;
  outcome: string;
  summary: string;
  plan_id: string | null;
  flush_id: string | null;
  gateway_id: string | null;
  gateway_name: string | null;
  reason: string | null;
  ticket: string | null;
  detail: Record<string, unknown>;
  previous_hash: string;
  hash: string;
}

/** Read around the product, so that what it would not show is seen as well. */
async function audit(client: pg.Client): Promise<HashedEntry[]> {
  const { rows } = await client.query<EntryRow>('SELECT * FROM audit_entry ORDER BY chain, seq');
  return rows.map((row) => {
    const optional = {
      planId: row.plan_id,
      flushId: row.flush_id,
      gatewayId: row.gateway_id,
      gatewayName: row.gateway_name,
      reason: row.reason,
      ticket: row.ticket,
    };
    return {
      id: row.id,
      chain: row.chain,
      seq: Number(row.seq),
      at: row.at.toISOString(),
      actor: { kind: row.actor_kind, id: row.actor_id, name: row.actor_name },
      action: row.action,
      outcome: row.outcome,
      summary: row.summary,
      detail: row.detail,
      previousHash: row.previous_hash,
      hash: row.hash,
      ...Object.fromEntries(Object.entries(optional).filter(([, value]) => value !== null)),
    };
  });
}
