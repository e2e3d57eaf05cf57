import { RETENTION_DAYS } from './resolution.ts';

const DAY_MS = 86_400_000;
const DAYS_AHEAD = 3;

/** A partitioned table of history: the width of its partitions, and how many days it keeps. */
export const PARTITIONED = [
  { table: 'sample', unit: 'day', days: RETENTION_DAYS.raw },
  { table: 'sample_minute', unit: 'day', days: RETENTION_DAYS.minute },
  { table: 'sample_hour', unit: 'month', days: RETENTION_DAYS.hour },
] as const;
type Partitioned = (typeof PARTITIONED)[number];

export interface Partition {
  name: string;
  from: string;
  to: string;
}

/** Partitions that must exist: from the oldest time that may still be written to a few days from now. Dates in UTC. */
export function wantedPartitions(kind: Partitioned, nowMs: number): Partition[] {
  const oldest = startOf(kind.unit, nowMs - Math.min(kind.days, RETENTION_DAYS.raw) * DAY_MS);
  const partitions: Partition[] = [];
  for (let from = oldest; from <= nowMs + DAYS_AHEAD * DAY_MS; from = nextOf(kind.unit, from)) {
    partitions.push({ name: nameOf(kind, from), from: dateOf(from), to: dateOf(nextOf(kind.unit, from)) });
  }
  return partitions;
}

/** The existing partitions whose newest row is older than the retention. Unknown names are left alone. */
export function expiredPartitions(kind: Partitioned, existing: string[], nowMs: number): string[] {
  return existing.filter((name) => {
    const digits = name.startsWith(`${kind.table}_p`) ? name.slice(kind.table.length + 2) : '';
    if (!/^\d{8}$/.test(digits)) return false;
    const from = Date.parse(`${digits.slice(0, 4)}-${digits.slice(4, 6)}-${digits.slice(6)}T00:00:00Z`);
    return nextOf(kind.unit, from) <= nowMs - kind.days * DAY_MS;
  });
}

function nameOf(kind: Partitioned, from: number): string {
  return `${kind.table}_p${dateOf(from).replaceAll('-', '')}`;
}

function dateOf(ms: number): string {
  return new Date(ms).toISOString().slice(0, 10);
}

function startOf(unit: 'day' | 'month', ms: number): number {
  const date = new Date(ms);
  return Date.UTC(date.getUTCFullYear(), date.getUTCMonth(), unit === 'day' ? date.getUTCDate() : 1);
}

function nextOf(unit: 'day' | 'month', from: number): number {
  const date = new Date(from);
  return unit === 'day' ? from + DAY_MS : Date.UTC(date.getUTCFullYear(), date.getUTCMonth() + 1, 1);
}
