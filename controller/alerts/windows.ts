import type { z } from 'zod';
import type { createMaintenanceWindow } from '../../proto/http/alert-rules.ts';
import { reaches, type Place, type TargetColumns } from '../policies/targets.ts';
import { nextTimes, timesBetween } from '../remediations/schedule.ts';

export type When = z.output<typeof createMaintenanceWindow.body>['when'];

/** A maintenance window as it is stored. */
export interface Window extends TargetColumns {
  id: string;
  tenantId: string | null;
  name: string;
  when: When;
  /** An IANA zone, or `site`. */
  timeZone: string;
}

/** A gateway with the zone of its site. */
export interface ZonedPlace extends Place {
  timeZone: string;
}

const MINUTE_MS = 60_000;

/** The window in which a gateway is now, and until when; of several, the one that ends last. */
export function windowOn(windows: readonly Window[], place: ZonedPlace, nowMs: number): { window: Window; untilMs: number } | undefined {
  return windows
    .filter((window) => reaches(window, place))
    .flatMap((window) => {
      const untilMs = openUntil(window.when, zoneOf(window, place.timeZone), nowMs);
      return untilMs === undefined ? [] : [{ window, untilMs }];
    })
    .toSorted((a, b) => b.untilMs - a.untilMs)[0];
}

export function zoneOf({ timeZone }: Pick<Window, 'timeZone'>, ofSite: string): string {
  return timeZone === 'site' ? ofSite : timeZone;
}

/** Until when it is open, if it is. A window that begins again before it ends goes on. */
export function openUntil(when: When, timeZone: string, nowMs: number): number | undefined {
  if (when.kind === 'once') {
    const untilMs = Date.parse(when.to);
    return Date.parse(when.from) <= nowMs && nowMs < untilMs ? untilMs : undefined;
  }
  const lengthMs = when.minutes * MINUTE_MS;
  const [last] = timesBetween(when.cron, timeZone, nowMs - lengthMs, nowMs, 1);
  return last === undefined ? undefined : last + lengthMs;
}

/** The next times that it is open, in a zone. */
export function nextOpenings(when: When, timeZone: string, nowMs: number, count: number): { fromMs: number; untilMs: number }[] {
  if (when.kind === 'once') {
    const [fromMs, untilMs] = [Date.parse(when.from), Date.parse(when.to)];
    return untilMs > nowMs ? [{ fromMs, untilMs }] : [];
  }
  return nextTimes(when.cron, timeZone, nowMs, count).map(({ atMs }) => ({ fromMs: atMs, untilMs: atMs + when.minutes * MINUTE_MS }));
}
