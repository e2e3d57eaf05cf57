export interface ClockTexts {
  /** `09:17` */
  time(at: string | number): string;
  /** `09:16:58` */
  seconds(at: string | number): string;
  /** `23 Nov 2026, 09:16:58` */
  full(at: string | number): string;
  /** The time alone if it is today, otherwise with the day. */
  when(at: string | number, nowMs: number | undefined): string;
  /** `UTC+1` */
  offset(at: number): string;
}

/** Formats times in one IANA zone. */
export function clockIn(timeZone: string): ClockTexts {
  const format = (options: Intl.DateTimeFormatOptions) => {
    const formatter = new Intl.DateTimeFormat('en-GB', { timeZone, hourCycle: 'h23', ...options });
    return (at: string | number) => formatter.format(new Date(at));
  };
  const time = format({ hour: '2-digit', minute: '2-digit' });
  const day = format({ day: 'numeric', month: 'short' });
  const zoneName = new Intl.DateTimeFormat('en-GB', { timeZone, timeZoneName: 'shortOffset' });
  return {
    time,
    seconds: format({ hour: '2-digit', minute: '2-digit', second: '2-digit' }),
    full: format({ day: 'numeric', month: 'short', year: 'numeric', hour: '2-digit', minute: '2-digit', second: '2-digit' }),
    when: (at, nowMs) => (nowMs === undefined || day(at) === day(nowMs) ? time(at) : `${day(at)} ${time(at)}`),
    offset: (at) =>
      zoneName
        .formatToParts(at)
        .find(({ type }) => type === 'timeZoneName')!
        .value.replace('GMT', 'UTC'),
  };
}
