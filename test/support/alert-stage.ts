import { randomUUID } from 'node:crypto';
import { pino } from 'pino';
import { AlertRulesRepository } from '../../controller/alerts/alert-rules.repository.ts';
import { AlertStatesRepository } from '../../controller/alerts/alert-states.repository.ts';
import { AlertWriter } from '../../controller/alerts/alert-writer.service.ts';
import { AlertsRepository } from '../../controller/alerts/alerts.repository.ts';
import { RulesInForceService } from '../../controller/alerts/rules-in-force.service.ts';
import { SamplesJudge } from '../../controller/alerts/samples-judge.service.ts';
import { WindowsRepository } from '../../controller/alerts/windows.repository.ts';
import { Sample } from '../../proto/gen/ctfleet/v1/stats.ts';
import type { TestDatabases } from './database.ts';
import { IngestStage } from './ingest-stage.ts';

/** One replica that takes in samples and judges them, on a real Postgres, without the streams. */
export async function openAlertStage(url: string): Promise<IngestStage> {
  const stage = await IngestStage.open(url);
  const { database, notifications, ingest } = stage;
  const logger = pino({ level: 'silent' });
  const rules = new RulesInForceService(new AlertRulesRepository(), new WindowsRepository(), notifications, database, logger, Date.now);
  const writer = new AlertWriter(new AlertsRepository(), notifications);
  new SamplesJudge(ingest, new AlertStatesRepository(), writer, rules, Date.now).onModuleInit();
  return stage;
}

/** A tenant with a site and gateways, as rows only. */
export async function makeGateways(
  postgres: TestDatabases,
  url: string,
  count: number,
): Promise<{ tenantId: string; gatewayIds: string[] }> {
  const [tenantId, siteId] = [randomUUID(), randomUUID()];
  const gatewayIds = Array.from({ length: count }, () => randomUUID());
  await postgres.query(url, `INSERT INTO tenant (id, name, colour, created_at) VALUES ('${tenantId}', 't-${tenantId}', 1, now())`);
  await postgres.query(
    url,
    `INSERT INTO site (id, tenant_id, name, time_zone, created_at) VALUES ('${siteId}', '${tenantId}', 'HQ', 'Europe/Rome', now())`,
  );
  await postgres.query(
    url,
    `INSERT INTO gateway (id, tenant_id, site_id, name, tags, created_at)
     SELECT id, '${tenantId}', '${siteId}', 'gw-' || row_number() OVER (), '{}', now() FROM unnest('{${gatewayIds.join()}}'::uuid[]) AS id`,
  );
  return { tenantId, gatewayIds };
}

/** Samples with these shares of the limit, in percent, ten seconds apart, the newest `agoMs` ago. */
export function usageSamples(percents: readonly number[], agoMs = 0, drop = 0n): Sample[] {
  const newestMs = Date.now() - agoMs;
  return percents.map((percent, at) =>
    Sample.fromPartial({
      atMs: BigInt(newestMs - (percents.length - 1 - at) * 10_000),
      count: BigInt(Math.round(percent * 100)),
      max: 10_000n,
      cpus: [{ cpu: 0, insertFailed: 0n, drop, earlyDrop: 0n }],
    }),
  );
}
