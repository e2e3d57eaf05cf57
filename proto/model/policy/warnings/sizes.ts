import { HEADROOM, USUAL_BYTES_PER_ENTRY } from '../sizing.ts';
import type { Occasion, PolicyWarning } from './warning.ts';

/** A full table takes more of the memory than this only by mistake. */
const MAX_SHARE_OF_MEMORY = 0.25;
const MEGABYTE = 1_000_000;

export function warningsOfSizes({ effective: { values }, actual, facts }: Occasion): PolicyWarning[] {
  const { max, buckets } = values.table;
  return [...(max === undefined ? [] : [...ofUse(max, facts), ofMemory(max, facts)]), ...ofBuckets(max, buckets, actual?.settings ?? {})];
}

function ofUse(max: number, { count = 0, peakCount = 0 }: Occasion['facts']): PolicyWarning[] {
  const used = Math.max(count, peakCount);
  if (max >= used * HEADROOM) return [];
  return [
    {
      code: 'table-under-use',
      severity: max <= used ? 'danger' : 'caution',
      path: 'table.max',
      message: `The table would hold ${max} entries, and up to ${used} were in use.`,
      reason: `A full table drops new connections without a word. Leave half as much again: ${Math.ceil(used * HEADROOM)} or more.`,
    },
  ];
}

function ofMemory(max: number, { bytesPerEntry, memoryBytes }: Occasion['facts']): PolicyWarning {
  const bytes = max * (bytesPerEntry ?? USUAL_BYTES_PER_ENTRY);
  const isMuch = memoryBytes !== undefined && bytes > memoryBytes * MAX_SHARE_OF_MEMORY;
  const how =
    bytesPerEntry === undefined
      ? `at about ${USUAL_BYTES_PER_ENTRY} bytes an entry`
      : `at the ${bytesPerEntry} bytes an entry that were measured here`;
  return {
    code: 'memory',
    severity: isMuch ? 'caution' : 'note',
    path: 'table.max',
    message: `A full table of ${max} entries takes ${Math.ceil(bytes / MEGABYTE)} MB.`,
    reason:
      'That is ' +
      `${how}${isMuch ? `, and more than a quarter of the ${Math.round(memoryBytes / MEGABYTE)} MB that the gateway has` : ''}. ` +
      'The kernel never swaps it out.',
  };
}

/** What the policy leaves alone is as the gateway has it. */
function ofBuckets(
  maxWanted: number | undefined,
  bucketsWanted: number | undefined,
  settings: Readonly<Record<string, number>>,
): PolicyWarning[] {
  const [max, buckets] = [maxWanted ?? settings.nf_conntrack_max, bucketsWanted ?? settings.nf_conntrack_buckets];
  if ((maxWanted ?? bucketsWanted) === undefined || max === undefined || buckets === undefined) return [];
  if (buckets <= max && buckets * 4 >= max) return [];
  return [
    {
      code: 'buckets',
      severity: 'caution',
      path: bucketsWanted === undefined ? 'table.max' : 'table.buckets',
      message: `${buckets} buckets for ${max} entries are too ${buckets > max ? 'many' : 'few'}.`,
      reason:
        buckets > max
          ? 'A full table looks for an entry to drop early in eight buckets only: if most are empty, it finds none and drops the new ' +
            'connection. Use a quarter of max to max.'
          : 'Each packet then searches chains of many entries. Use a quarter of max to max.',
    },
  ];
}
