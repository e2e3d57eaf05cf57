import { CronExpressionParser } from 'cron-parser';
import { FleetError } from '../../proto/model/error-codes.ts';

/** A time of a schedule. `note` says why it is not what the clock on the wall would suggest. */
export interface ScheduleTime {
  atMs: number;
  local: string;
  note?: string;
}

/**
 * The next times of a cron text in a zone, after `afterMs`. By the same parser that BullMQ's schedulers use, and so by Debian cron's rule:
 * of a time
 * that the clocks skip the run comes once, as much later as they skip; of one that comes twice it comes once, the first time; what runs in
 * intervals keeps its intervals. Throws INVALID_REQUEST for a text or a zone that is none.
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

/** Why the text or the zone cannot be used; undefined if they can. */
export function scheduleProblem(cron: string, timeZone: string): { field: 'cron' | 'timeZone'; message: string } | undefined {
  if (!isZone(timeZone))
    return { field: 'timeZone', message: `${timeZone} is not a zone of the IANA list, such as Europe/Rome, nor \`site\`` };
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

/** Minutes and hours where both are said as plain numbers; undefined for what runs in intervals or ranges. */
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
    ? { atMs, local, note: 'this time comes twice that night; it runs the first time' }
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
