import { CronExpressionParser } from 'cron-parser';
import { FleetError } from '../../proto/model/error-codes.ts';

/** A time of a schedule. `note` explains why it differs from what the wall clock suggests. */
export interface ScheduleTime {
  atMs: number;
  local: string;
  note?: string;
}

/**
 * The next times of a cron expression in a zone, after `afterMs`. Uses the parser of BullMQ's schedulers, and so Debian cron's rule: a time
 * that the clocks skip runs once, later by the skipped amount; a time that occurs twice runs once, the first time; intervals stay
 * intervals. Throws INVALID_REQUEST for an invalid expression or zone.
 */
export function nextTimes(cron: string, timeZone: string, afterMs: number, count: number): ScheduleTime[] {
  const times = parse(cron, timeZone, afterMs);
  const clock = clockTimes(cron);
  return Array.from({ length: count }, () => describe(times.next().getTime(), timeZone, clock));
}

/** The times after `afterMs` and up to `untilMs`; at most `most`, the latest. */
export function timesBetween(cron: string, timeZone: string, afterMs: number, untilMs: number, most: number): number[] {
  const times = parse(cron, timeZone, afterMs);
  const found: number[] = [];
  for (let at = times.next().getTime(); at <= untilMs; at = times.next().getTime()) {
    found.push(at);
    if (found.length > most) found.shift();
  }
  return found;
}

/** Why the expression or the zone is invalid; undefined if both are valid. */
export function scheduleProblem(cron: string, timeZone: string): { field: 'cron' | 'timeZone'; message: string } | undefined {
  if (!isZone(timeZone))
    return { field: 'timeZone', message: `${timeZone} is neither an IANA time zone, such as Europe/Rome, nor \`site\`` };
  if (cron.trim().split(/\s+/).length !== 5)
    return { field: 'cron', message: 'needs five fields: minute, hour, day of the month, month, day of the week' };
  try {
    CronExpressionParser.parse(cron, { tz: timeZone, currentDate: 0 }).next();
    return undefined;
  } catch (error) {
    return { field: 'cron', message: (error as Error).message };
  }
}

function parse(cron: string, timeZone: string, afterMs: number): { next(): { getTime(): number } } {
  const problem = scheduleProblem(cron, timeZone);
  if (problem) throw new FleetError('INVALID_REQUEST', `${problem.field}: ${problem.message}.`);
  return CronExpressionParser.parse(cron, { tz: timeZone, currentDate: afterMs });
}

/** Minutes and hours if both are plain numbers; undefined for intervals and ranges. */
function clockTimes(cron: string): { minutes: string[]; hours: string[] } | undefined {
  const [minutes = '', hours = ''] = cron.trim().split(/\s+/);
  return /^[\d,]+$/.test(minutes) && /^[\d,]+$/.test(hours) ? { minutes: minutes.split(','), hours: hours.split(',') } : undefined;
}

function describe(atMs: number, timeZone: string, clock: ReturnType<typeof clockTimes>): ScheduleTime {
  const local = localText(atMs, timeZone);
  const [before, after] = [offsetMinutes(atMs - 4 * HOUR_MS, timeZone), offsetMinutes(atMs + 4 * HOUR_MS, timeZone)];
  if (!clock || before === after) return { atMs, local };
  const [hour, minute] = local
    .slice(11, 16)
    .split(':')
    .map((digits) => String(Number(digits)));
  const isAsWritten =
    clock.hours.some((one) => String(Number(one)) === hour) && clock.minutes.some((one) => String(Number(one)) === minute);
  if (!isAsWritten) return { atMs, local, note: `the clocks skip this time that night; it runs ${after - before} min later` };
  return localText(atMs + (before - after) * 60_000, timeZone) === local
    ? { atMs, local, note: 'this time occurs twice that night; it runs the first time' }
    : { atMs, local };
}

const HOUR_MS = 3_600_000;

/** `2026-10-25 02:30`. */
function localText(atMs: number, timeZone: string): string {
  return new Intl.DateTimeFormat('sv-SE', { timeZone, dateStyle: 'short', timeStyle: 'short' }).format(atMs);
}

function offsetMinutes(atMs: number, timeZone: string): number {
  return (Date.parse(`${localText(atMs, timeZone).replace(' ', 'T')}Z`) - Math.floor(atMs / 60_000) * 60_000) / 60_000;
}

function isZone(timeZone: string): boolean {
  try {
    return new Intl.DateTimeFormat('en', { timeZone }).resolvedOptions().timeZone !== '';
  } catch {
    return false;
  }
}
