import type { CpuCounters } from '../table.ts';

/**
 * Columns by name, never by position: around 5.10 and 5.15 two columns changed their meaning in place (`searched` became `clashres`,
 * `delete_list` became `chainlength`). `new`, `ignore` and `delete` have printed 0 since then, and `entries` repeats the total on each
 * line.
 */
const COLUMNS: Record<string, Exclude<keyof CpuCounters, 'cpu'>> = {
  found: 'found',
  invalid: 'invalid',
  insert: 'insert',
  insert_failed: 'insertFailed',
  drop: 'drop',
  early_drop: 'earlyDrop',
  icmp_error: 'error',
  search_restart: 'searchRestart',
  clashres: 'clashResolve',
  chainlength: 'chainToolong',
  chaintoolong: 'chainToolong',
};

/** Parses /proc/net/stat/nf_conntrack: a line of names, then one line of hexadecimal numbers for each CPU. */
export function parseProcStat(text: string): CpuCounters[] {
  const [header = '', ...lines] = text.split('\n');
  const names = header.trim().split(/\s+/);
  return lines
    .filter((line) => line.trim() !== '')
    .map((line, cpu) => {
      const counters: CpuCounters = { cpu };
      line
        .trim()
        .split(/\s+/)
        .forEach((value, column) => {
          const field = COLUMNS[names[column] ?? ''];
          if (field && /^[0-9a-f]+$/i.test(value)) counters[field] = Number.parseInt(value, 16);
        });
      return counters;
    });
}
