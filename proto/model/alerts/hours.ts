export const DAYS = ['mon', 'tue', 'wed', 'thu', 'fri', 'sat', 'sun'] as const;
export type Day = (typeof DAYS)[number];

/** Hours of some days of the week, as the clocks of a zone show them. */
export interface Hours {
  /** IANA zone. */
  timeZone: string;
  days: Day[];
  /** `HH:MM`; `to` is the first minute that no longer counts. Where it comes first, they end on the next day; where both are one, after a day. */
  from: string;
  to: string;
  /** All other hours are meant, so that of two receivers one is always told. */
  isOutside?: boolean | undefined;
}

/** True if a moment lies in them. Clocks that are set back show an hour twice, and both count; one that is left out counts for nothing. */
export function areNow({ isOutside = false, ...hours }: Hours, atMs: number): boolean {
  return contain(hours, atMs) !== isOutside;
}

function contain({ timeZone, days, from, to }: Hours, atMs: number): boolean {
  const { day, time } = shownIn(timeZone, atMs);
  const today = days.includes(DAYS[day]!);
  if (from < to) return today && from <= time && time < to;
  return (today && time >= from) || (days.includes(DAYS[(day + 6) % 7]!) && time < to);
}

/** For people: `Mon to Fri 08:00–18:00 (Europe/Rome)`. */
export function hoursWords({ timeZone, days, from, to, isOutside }: Hours): string {
  const named = days.toSorted((a, b) => DAYS.indexOf(a) - DAYS.indexOf(b)).map((day) => `${day[0]!.toUpperCase()}${day.slice(1)}`);
  const isRow = DAYS.join(' ').includes(days.join(' '));
  const when = days.length === 7 ? 'daily' : isRow && named.length > 2 ? `${named[0]} to ${named.at(-1)}` : named.join(', ');
  return `${isOutside ? 'outside ' : ''}${when} ${from}–${to} (${timeZone})`;
}

/** What the clocks of a zone show: the day of the week (0 is Monday), and `HH:MM`. */
function shownIn(timeZone: string, atMs: number): { day: number; time: string } {
  const parts = formatOf(timeZone).formatToParts(atMs);
  const of = (type: string): string => parts.find((part) => part.type === type)?.value ?? '';
  return { day: DAYS.indexOf(of('weekday').slice(0, 3).toLowerCase() as Day), time: `${of('hour')}:${of('minute')}` };
}

const formats = new Map<string, Intl.DateTimeFormat>();
/** There are some 400 zones. */
function formatOf(timeZone: string): Intl.DateTimeFormat {
  const known = formats.get(timeZone);
  if (known) return known;
  const made = new Intl.DateTimeFormat('en-GB', { timeZone, weekday: 'short', hour: '2-digit', minute: '2-digit', hourCycle: 'h23' });
  formats.set(timeZone, made);
  return made;
}
