const SECONDS = { w: 604_800, d: 86_400, h: 3600, m: 60, s: 1 } as const;
type Unit = keyof typeof SECONDS;
/** Spellings of units of time, identified by their first letter. */
const PARTS = /(\d{1,10}(?:\.\d{1,3})?)(weeks?|wk|w|days?|d|hours?|hrs?|h|minutes?|mins?|m|seconds?|secs?|s)/gi;

/** Seconds of `90s`, `1h30m` or `1.5h`; undefined if the text is not a whole number of seconds with its units. */
export function parseDuration(text: string): number | undefined {
  const parts = [...text.matchAll(PARTS)];
  const seconds = parts.reduce((sum, [, count, unit]) => sum + Number(count) * SECONDS[unit![0]!.toLowerCase() as Unit], 0);
  return parts.length > 0 && parts.map(([part]) => part).join('') === text && Number.isInteger(seconds) ? seconds : undefined;
}

/** The seconds with the largest unit that divides them: `5d`, `90m`, `0s`. */
export function formatDuration(seconds: number): string {
  const unit = seconds === 0 ? 's' : (Object.keys(SECONDS) as Unit[]).find((one) => seconds % SECONDS[one] === 0)!;
  return `${seconds / SECONDS[unit]}${unit}`;
}
