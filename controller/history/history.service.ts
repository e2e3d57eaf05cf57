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
import { RollUpRepository, type StoredSpan } from './roll-up.repository.ts';
import { toUsage, type Usage } from './sample-row.ts';
import { SamplesRepository, type PointRow } from './samples.repository.ts';

@Injectable()
export class HistoryService {
  constructor(
    @Inject(SamplesRepository) private readonly samples: SamplesRepository,
    @Inject(RollUpRepository) private readonly rollUps: RollUpRepository,
    @Inject(Database) private readonly database: Database,
    @Inject(CONFIG) private readonly config: Config,
    @Inject(CLOCK) private readonly clock: Clock,
  ) {}

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

  /**
   * Rolls up what was stored since the last time, late samples included. One worker at a time, whatever the number of controllers; false
   * if another one is at it, or began less than `notAgainMs` ago.
   */
  async rollUp(notAgainMs = 0): Promise<boolean> {
    for (let isFirst = true; ; isFirst = false) {
      const span = await this.rollUpSome(isFirst ? notAgainMs : 0);
      if (!span) return !isFirst;
      if (span.isLast) return true;
    }
  }

  private async rollUpSome(notAgainMs: number): Promise<StoredSpan | undefined> {
    return this.database.transact(
      'all',
      async (t) => {
        const span = await this.rollUps.takeTurn(t, new Date(this.clock()), notAgainMs);
        if (!span) return undefined;
        if (span.from < span.to) {
          await this.rollUps.minutes(t, span);
          await this.rollUps.hours(t, span);
        }
        await this.rollUps.setDone(t, span);
        return span;
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
