/** Formats numbers and durations. */

const WHOLE = new Intl.NumberFormat('en-GB');

/** `1,846`; an absent number is a dash. */
export function count(value: number | undefined): string {
  return value === undefined ? '–' : WHOLE.format(value);
}

/** True if the text is that number, with or without separators, as somebody types it to confirm. */
export function isCount(typed: string, value: number): boolean {
  return typed.replaceAll(/[\s,.]/g, '') === String(value);
}

/** `1 flow`, `1,846 flows`. */
export function counted(value: number, noun: string, plural = `${noun}s`): string {
  return `${count(value)} ${value === 1 ? noun : plural}`;
}

/** `84 %`; under one per cent with a decimal, and never zero for something. */
export function percent(part: number, whole: number): string {
  if (whole <= 0) return '–';
  const value = (part / whole) * 100;
  if (value > 0 && value < 0.1) return '< 0.1 %';
  return `${value > 0 && value < 1 ? value.toFixed(1) : Math.floor(value)} %`;
}

/** `950`, `1.5 k`, `20 M`: three figures at most. */
export function short(value: number): string {
  for (const [size, unit] of [
    [1e12, 'T'],
    [1e9, 'G'],
    [1e6, 'M'],
    [1e3, 'k'],
  ] as const) {
    if (value >= size) return `${(value / size).toFixed(value / size < 99.95 ? 1 : 0)} ${unit}`;
  }
  return String(Math.round(value));
}

/** Bytes in decimal units: `640 B`, `1.5 kB`, `20.0 MB`. */
export function size(bytes: number): string {
  return bytes < 1000 ? `${Math.round(bytes)} B` : `${short(bytes)}B`;
}

/** A duration in one unit, for cells: `19 s`, `4 m`, `18 h`, `2 d`. */
export function brief(seconds: number | undefined): string {
  if (seconds === undefined) return '–';
  if (seconds < 100) return `${Math.max(0, Math.floor(seconds))} s`;
  if (seconds < 6000) return `${Math.floor(seconds / 60)} m`;
  if (seconds < 172_800) return `${Math.floor(seconds / 3600)} h`;
  return `${Math.floor(seconds / 86_400)} d`;
}

/** A duration in words, two units at most: `27 min`, `1 h 28 min`, `12 d 4 h`. */
export function lasting(seconds: number): string {
  const whole = Math.max(0, Math.round(seconds));
  if (whole < 90) return `${whole} s`;
  const minutes = Math.round(whole / 60);
  if (minutes < 60) return `${minutes} min`;
  const hours = Math.floor(minutes / 60);
  if (hours < 48) return minutes % 60 ? `${hours} h ${minutes % 60} min` : `${hours} h`;
  return hours % 24 ? `${Math.floor(hours / 24)} d ${hours % 24} h` : `${Math.floor(hours / 24)} d`;
}

const UNITS = [
  [86_400, 'd'],
  [3600, 'h'],
  [60, 'min'],
  [1, 's'],
] as const;

/** What something is set to, to the second: `30 s`, `1 min 39 s`, `5 d`. */
export function setTo(seconds: number): string {
  if (seconds < 90) return `${seconds} s`;
  let left = seconds;
  return UNITS.flatMap(([length, unit]) => {
    const many = Math.floor(left / length);
    left -= many * length;
    return many > 0 ? [`${many} ${unit}`] : [];
  }).join(' ');
}

/** How long something took: tenths of a second below ten, otherwise as `lasting`. */
export function took(seconds: number): string {
  return seconds < 9.95 ? `${Math.max(0, seconds).toFixed(1)} s` : lasting(seconds);
}

/** Seconds as `4:38`, for countdowns. */
export function minutesAndSeconds(seconds: number): string {
  const whole = Math.max(0, Math.floor(seconds));
  return `${Math.floor(whole / 60)}:${String(whole % 60).padStart(2, '0')}`;
}

/** Shortens an IPv6 address in the middle; IPv4 stays whole. */
export function shortAddress(address: string, longest = 22): string {
  if (address.length <= longest) return address;
  const tail = Math.floor((longest - 1) / 2);
  return `${address.slice(0, longest - 1 - tail)}…${address.slice(-tail)}`;
}

/** First and last characters of a digest. */
export function shortHash(hash: string): string {
  return hash.length > 12 ? `${hash.slice(0, 4)}…${hash.slice(-4)}` : hash;
}
