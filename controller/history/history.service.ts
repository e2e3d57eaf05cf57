import { Inject, Injectable } from '@nestjs/common';
import type { z } from 'zod';
import type { samples } from '../../proto/http/fleet.ts';
import { FleetError } from '../../proto/model/error-codes.ts';
import { FACET_NAMES, POINT_NAMES } from '../../proto/model/measures.ts';
import { CLOCK, type Clock } from '../platform/clock.ts';
import { CONFIG, type Config } from '../platform/config.ts';
import { Database, type Transaction } from '../platform/database.ts';
import type { TenantScope } from '../platform/tenant-scope.ts';
import { maintainPartitions } from './partitions.repository.ts';
import { chooseResolution } from './resolution.ts';
import { RollUpRepository } from './roll-up.repository.ts';
import { toUsage, type SampleRow, type Usage } from './sample-row.ts';
import { SamplesRepository, type PointRow } from './samples.repository.ts';

/** Each roll-up looks back this far; older samples are rolled up on arrival. */
const LOOK_BACK_MS = 10 * 60_000;
const HOUR_MS = 3_600_000;

@Injectable()
export class HistoryService {
  constructor(
    @Inject(SamplesRepository) private readonly samples: SamplesRepository,
    @Inject(RollUpRepository) private readonly rollUps: RollUpRepository,
    @Inject(Database) private readonly database: Database,
    @Inject(CONFIG) private readonly config: Config,
    @Inject(CLOCK) private readonly clock: Clock,
  ) {}

  /** Stores samples of a gateway; idempotent. Late samples (spooled while the link was down) are rolled up at once. */
  async store(t: Transaction, gateway: { id: string; tenantId: string }, rows: SampleRow[]): Promise<void> {
    if (rows.length === 0) return;
    await this.samples.insert(t, gateway, rows);
    const times = rows.map((row) => Date.parse(row.at));
    const oldest = Math.min(...times);
    if (oldest >= this.clock() - LOOK_BACK_MS) return;
    const span = { from: new Date(oldest), to: new Date(Math.max(...times)), gatewayId: gateway.id };
    await this.rollUps.minutes(t, span);
    await this.rollUps.hours(t, span);
  }

  /** What to report of gateways' last minutes, by id. */
  async usage(t: Transaction, gatewayIds: string[]): Promise<Map<string, Usage>> {
    const recent = await this.samples.recent(t, gatewayIds, new Date(this.clock()));
    return new Map([...recent].map(([id, { newest, older }]) => [id, toUsage(newest, older)]));
  }

  /** When the tables of these gateways rose above `percent` usage, since a time. */
  crossings(t: Transaction, gatewayIds: string[], percent: number, since: Date): ReturnType<SamplesRepository['crossings']> {
    return this.samples.crossings(t, gatewayIds, percent, since);
  }

  /**
   * A chart's points and gaps; neither lies in the future. Throws NOT_FOUND for a gateway out of scope, and INVALID_REQUEST for a span that
   * ends before it begins.
   */
  async points(
    scope: TenantScope,
    gatewayId: string,
    query: { from: string; to: string; points: number },
  ): Promise<z.output<typeof samples>> {
    if (!(await this.samples.isGateway(scope, gatewayId))) throw new FleetError('NOT_FOUND', 'There is no such gateway.');
    const nowMs = this.clock();
    const fromMs = Date.parse(query.from);
    const toMs = Math.min(Date.parse(query.to), nowMs);
    if (Date.parse(query.to) <= fromMs)
      throw new FleetError('INVALID_REQUEST', 'The span ends before it begins.', {
        issues: [{ path: 'query.to', message: 'must lie after from' }],
      });
    const resolution = chooseResolution({
      fromMs,
      toMs: Date.parse(query.to),
      points: query.points,
      nowMs,
      sampleIntervalMs: this.config.sampleIntervalMs,
    });
    if (toMs <= fromMs) return { resolutionSeconds: resolution.stepSeconds, points: [], gaps: [] };
    const found = await this.samples.points(scope, gatewayId, new Date(fromMs), new Date(toMs), resolution);
    return {
      resolutionSeconds: resolution.stepSeconds,
      points: found.points.map(toPoint),
      gaps: found.gaps.map((gap) => ({ from: gap.from.toISOString(), to: gap.to.toISOString() })),
    };
  }

  /** Rolls up the last minutes and their hours, so that the current hour is visible. */
  async rollUp(): Promise<void> {
    const now = this.clock();
    await this.database.transact(
      'all',
      async (t) => {
        await this.rollUps.minutes(t, { from: new Date(now - LOOK_BACK_MS), to: new Date(now) });
        await this.rollUps.hours(t, { from: new Date(now - HOUR_MS), to: new Date(now) });
      },
      { timeoutMs: 100_000, hasLongStatements: true },
    );
  }

  /** Creates partitions ahead of time, drops expired ones. */
  async maintain(): Promise<void> {
    await maintainPartitions(this.database, this.clock());
  }
}

function toPoint({ at, breakdown, ...numbers }: PointRow): z.output<typeof samples>['points'][number] {
  const known = POINT_NAMES.flatMap((name) => (numbers[name] === null ? [] : [[name, numbers[name]] as const]));
  return {
    at: at.toISOString(),
    count: numbers.count!,
    countMax: numbers.countMax!,
    ...Object.fromEntries(known),
    ...Object.fromEntries(FACET_NAMES.map((name) => [name, breakdown?.[name]])),
  };
}
