import 'reflect-metadata';
import { randomUUID } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { pino } from 'pino';
import type { Config } from '../../controller/platform/config.ts';
import type { Session } from '../../controller/link/session.ts';
import { AgentMessage } from '../../proto/gen/ctfleet/v1/link.ts';
import { Sample } from '../../proto/gen/ctfleet/v1/stats.ts';

/** A message of one gateway as it comes off its stream. */
export interface Message {
  gatewayId: string;
  tenantId: string;
  bytes: Uint8Array;
}

/** Takes a message in; resolves once its samples are stored. */
export type Way = (message: Message) => Promise<void>;

/** What Node cannot run from its source, because of decorators, comes from the build. */
async function built<Module>(file: string): Promise<Module> {
  return (await import(path.join(import.meta.dirname, '../../build/controller', file))) as Module;
}

/** The controller's ways to store samples: as it does, and as it did, a transaction and a notification for each gateway, six at a time. */
export async function openWays(url: string, isJudged = true) {
  const { Database } = await built<typeof import('../../controller/platform/database.ts')>('platform/database.js');
  const { ReplicaNotifications } =
    await built<typeof import('../../controller/platform/replica-notifications.ts')>('platform/replica-notifications.js');
  const { ConcurrencyLimit } =
    await built<typeof import('../../controller/platform/concurrency-limit.ts')>('platform/concurrency-limit.js');
  const { Ingest } = await built<typeof import('../../controller/history/ingest.service.ts')>('history/ingest.service.js');
  const { SamplesRepository } =
    await built<typeof import('../../controller/history/samples.repository.ts')>('history/samples.repository.js');
  const { RollUpRepository } =
    await built<typeof import('../../controller/history/roll-up.repository.ts')>('history/roll-up.repository.js');
  const { HistoryService } = await built<typeof import('../../controller/history/history.service.ts')>('history/history.service.js');
  const { toSampleRow } = await built<typeof import('../../controller/history/sample-row.ts')>('history/sample-row.js');
  const { AlertRulesRepository } =
    await built<typeof import('../../controller/alerts/alert-rules.repository.ts')>('alerts/alert-rules.repository.js');
  const { AlertStatesRepository } =
    await built<typeof import('../../controller/alerts/alert-states.repository.ts')>('alerts/alert-states.repository.js');
  const { AlertWriter } = await built<typeof import('../../controller/alerts/alert-writer.service.ts')>('alerts/alert-writer.service.js');
  const { AlertsRepository } = await built<typeof import('../../controller/alerts/alerts.repository.ts')>('alerts/alerts.repository.js');
  const { RulesInForceService } =
    await built<typeof import('../../controller/alerts/rules-in-force.service.ts')>('alerts/rules-in-force.service.js');
  const { SamplesJudge } =
    await built<typeof import('../../controller/alerts/samples-judge.service.ts')>('alerts/samples-judge.service.js');
  const { WindowsRepository } = await built<typeof import('../../controller/alerts/windows.repository.ts')>('alerts/windows.repository.js');
  const { GATEWAY_CHANGED } = await built<typeof import('../../controller/link/notifications.ts')>('link/notifications.js');

  const [config, logger] = [{ databaseUrl: url } as Config, pino({ level: 'warn' })];
  const database = new Database(config);
  const notifications = new ReplicaNotifications(config, logger, Date.now);
  const samples = new SamplesRepository(database);
  const ingest = new Ingest(samples, notifications, database, logger, Date.now);
  const rules = new RulesInForceService(new AlertRulesRepository(), new WindowsRepository(), notifications, database, logger, Date.now);
  const writer = new AlertWriter(new AlertsRepository(), notifications);
  if (isJudged) new SamplesJudge(ingest, new AlertStatesRepository(), writer, rules, Date.now).onModuleInit();
  const history = new HistoryService(samples, new RollUpRepository(), database, config, Date.now);
  await history.maintain();

  const read = ({ bytes }: Message) => {
    const { body } = AgentMessage.decode(bytes);
    if (body?.$case !== 'samples') throw new Error('a message of the bench has samples');
    return { batch: body.value, rows: body.value.samples.flatMap((sample) => toSampleRow(sample, Date.now()) ?? []) };
  };
  const ours: Way = async (message) => {
    const { batch, rows } = read(message);
    const { stored } = await ingest.accept(sessionOf(message), batch, rows);
    await stored;
  };
  const sessions = new Map<string, Session>();
  const sessionOf = (message: Message): Session => {
    const known = sessions.get(message.gatewayId) ?? ({ identity: message, isClosed: false } as unknown as Session);
    sessions.set(message.gatewayId, known);
    return known;
  };
  const six = new ConcurrencyLimit(6);
  const theirs: Way = async (message) => {
    const { gatewayId, tenantId } = message;
    const texts = read(message).rows.map((row) => samples.toJson({ id: gatewayId, tenantId }, row));
    await six.run(() =>
      database.transact(new Set([tenantId]), async (t) => {
        await samples.insert(t, texts);
        await notifications.send(t, GATEWAY_CHANGED, gatewayId);
      }),
    );
  };
  const close = async (): Promise<void> => {
    await ingest.beforeApplicationShutdown();
    await notifications.onApplicationShutdown();
    await database.onApplicationShutdown();
  };
  return { ours, theirs, history, close };
}

/** A message with this many samples, ten seconds apart, for each of as many gateways, of 20 to a tenant; or of those that sent others. */
export function messagesOf(gateways: number, samples: number, senders?: readonly Message[]): Message[] {
  const tenants = Array.from({ length: Math.ceil(gateways / 20) }, () => randomUUID());
  const nowMs = Date.now();
  return Array.from({ length: gateways }, (_, at): Message => {
    const value = { batch: 1n, samples: Array.from({ length: samples }, (_, n) => sampleAt(nowMs - n * 10_000, at + n)) };
    return {
      gatewayId: senders?.[at]?.gatewayId ?? randomUUID(),
      tenantId: senders?.[at]?.tenantId ?? tenants[at % tenants.length]!,
      bytes: AgentMessage.encode({ body: { $case: 'samples', value } }).finish(),
    };
  });
}

/** Of a gateway with four CPUs; one in six with the breakdown of a walk. */
function sampleAt(atMs: number, seed: number): Sample {
  const counters = {
    found: BigInt(seed),
    invalid: 1n,
    insert: 2n,
    insertFailed: 0n,
    drop: 0n,
    earlyDrop: 0n,
    error: 0n,
    searchRestart: 3n,
  };
  return Sample.fromPartial({
    atMs: BigInt(Math.round(atMs)),
    count: BigInt(1000 + seed),
    max: 65_536n,
    buckets: 16_384n,
    rates: { newPerSecond: 12.5, endedPerSecond: 12, isLowerBound: false },
    cpus: [0, 1, 2, 3].map((cpu) => ({ cpu, ...counters })),
    breakdown:
      seed % 6 > 0
        ? undefined
        : {
            atMs: BigInt(Math.round(atMs)),
            walked: 1000n,
            byProto: { tcp: 700n, udp: 300n },
            byState: { ESTABLISHED: 500n, TIME_WAIT: 200n },
            byWan: { WAN1: 600n, WAN2: 400n },
            topSources: Array.from({ length: 20 }, (_, n) => ({ address: Buffer.from([10, 0, 0, n]), flows: BigInt(n) })),
          },
  });
}

/** CPU seconds so far of this process and of a Postgres with its processes. */
export function cpuSeconds(postgresPid: number): { controller: number; postgres: number } {
  const { user, system } = process.cpuUsage();
  let ticks = 0;
  for (const name of readdirSync('/proc')) {
    if (!/^\d+$/.test(name)) continue;
    let stat: string;
    try {
      stat = readFileSync(`/proc/${name}/stat`, 'utf8');
    } catch {
      continue; // ended meanwhile
    }
    const fields = stat
      .slice(stat.lastIndexOf(')') + 2)
      .split(' ')
      .map(Number);
    const [own, ended] = [fields[11]! + fields[12]!, fields[13]! + fields[14]!];
    if (Number(name) === postgresPid) ticks += own + ended;
    else if (fields[1] === postgresPid) ticks += own;
  }
  return { controller: (user + system) / 1e6, postgres: ticks / 100 };
}
