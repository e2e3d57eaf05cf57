import { Inject, Injectable } from '@nestjs/common';
import { CLOCK, type Clock } from '../platform/clock.ts';
import { Database } from '../platform/database.ts';
import { ControllerRunsService } from './controller-runs.service.ts';
import { RemediationsService } from './remediations.service.ts';
import type { RemediationRow } from './rows.ts';
import { RunsRepository } from './runs.repository.ts';
import { timesBetween } from './schedule.ts';

/** A time this late counts as missed: no controller was running. */
const LATE_MS = 60_000;
/** Missed times older than this are not made up for. */
const OLDEST_MS = 24 * 3_600_000;

/** A wake-up scheduled in the queue: one schedule in one zone. */
export interface WakeUp {
  key: string;
  cron: string;
  timeZone: string;
}

/**
 * Schedules. The queue wakes us at each time, and a sweep every half minute works independently of the queue; which times are due is
 * decided here from Postgres alone, where one row per remediation, zone and time makes each happen once.
 */
@Injectable()
export class SchedulesService {
  constructor(
    @Inject(RemediationsService) private readonly remediations: RemediationsService,
    @Inject(ControllerRunsService) private readonly controllerRuns: ControllerRunsService,
    @Inject(RunsRepository) private readonly runs: RunsRepository,
    @Inject(Database) private readonly database: Database,
    @Inject(CLOCK) private readonly clock: Clock,
  ) {}

  /** All wake-ups that the queue should hold. */
  async wakeUps(): Promise<WakeUp[]> {
    const wanted: WakeUp[] = [];
    for (const row of await this.scheduled()) {
      if (row.document.trigger.kind !== 'schedule') continue;
      for (const { timeZone } of await this.remediations.scheduleZones(row))
        wanted.push({ key: `${row.id} ${timeZone}`, cron: row.document.trigger.cron, timeZone });
    }
    return wanted;
  }

  /** Begins what is due. */
  async runDue(): Promise<void> {
    for (const row of await this.scheduled()) {
      for (const { timeZone, sites } of await this.remediations.scheduleZones(row))
        await this.runDueIn(
          row,
          timeZone,
          row.document.trigger.kind === 'schedule' && row.document.trigger.timeZone === 'site' ? sites.map((site) => site.id) : undefined,
        );
    }
  }

  private async runDueIn(row: RemediationRow, timeZone: string, sites: string[] | undefined): Promise<void> {
    const { trigger } = row.document;
    if (trigger.kind !== 'schedule') return;
    const now = this.clock();
    const prefix = `${timeZone} `;
    const last = await this.database.transact('all', (t) => this.runs.lastOccasion(t, row.id, prefix));
    // Times before the last change of the remediation were due under other rules.
    const after = Math.max(last === undefined ? 0 : Date.parse(last.slice(prefix.length)), row.updatedAt.getTime(), now - OLDEST_MS);
    const due = timesBetween(trigger.cron, timeZone, after, now, 1)[0];
    if (due === undefined) return;
    const isMissed = now - due > LATE_MS;
    if (isMissed && trigger.missed === 'skip') return;
    const at = new Date(due).toISOString();
    await this.controllerRuns.begin(row, {
      trigger: `schedule ${trigger.cron} ${timeZone}${isMissed ? `, missed at ${at}` : ''}`,
      occasion: `${prefix}${at}`,
      sites,
      triggeredAtMs: due,
    });
  }

  private async scheduled(): Promise<RemediationRow[]> {
    return (await this.remediations.enabled()).filter((row) => row.document.trigger.kind === 'schedule');
  }
}
