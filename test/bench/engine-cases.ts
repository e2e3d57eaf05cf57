import { spawnSync } from 'node:child_process';
import type { KernelTable } from '../../agent/conntrack/kernel/kernel-table.ts';
import type { FlowContext } from '../../agent/conntrack/table.ts';
import type { NewEntry } from '../../agent/conntrack/wire/requests.ts';
import { EVERYTHING, type FlowFilter } from '../../proto/model/filter/filter.ts';
import { createEntries } from '../support/create-entries.ts';
import { rawDump } from './raw-dump.ts';
import type { OperatorWay } from './operator-way.ts';
import { BUSY_HOST, BUSY_PREFIX, gatewayEntries, isBusyPrefix, MARK } from './gateway-entries.ts';
import { filterOf } from '../support/filter-of.ts';

export interface Case {
  name: string;
  /** The most that ours may take, as a share of theirs. */
  target: number;
  /** Calls per run of ours, of which the mean counts; for operations that take microseconds. */
  calls?: number;
  /** Before each run of ours, not timed. */
  prepare?(): Promise<unknown>;
  ours(): Promise<number>;
  theirs(): number;
  /** After each run: restores what it ended; not timed. */
  restore?(): void;
}

export const CONTEXT: FlowContext = {
  wans: [
    { name: 'wan1', addresses: [Uint8Array.of(198, 18, 0, 12), Uint8Array.of(198, 18, 0, 13)] },
    { name: 'wan2', addresses: [Uint8Array.of(198, 19, 0, 12)] },
  ],
  protections: [],
};
/** A snapshot of any age will do. */
const ANY_AGE = 3_600_000;
const TOP_SOURCES = `awk '{ for (i = 1; i <= NF; i++) if ($i ~ /^src=/) { print $i; break } }' | sort | uniq -c | sort -rn | awk '{ n += $1 } END { print n }'`;

/** One case for each row that the engine promises. The last run of each leaves the table full. */
export function engineCases(table: KernelTable, operator: OperatorWay, size: number): Case[] {
  const [host, source, prefix, udp, mark] = [
    `host:${BUSY_HOST}`,
    `src:${BUSY_HOST}`,
    `src:${BUSY_PREFIX}`,
    'proto:udp',
    `mark:${MARK}`,
  ].map(filterOf) as [FlowFilter, FlowFilter, FlowFilter, FlowFilter, FlowFilter];
  const search = async (filter: FlowFilter, limit: number, maxAgeMs = 0): Promise<number> =>
    (await table.search({ filter, context: CONTEXT, limit, maxAgeMs, withFacets: limit > 0 })).total;
  const putBack = (isGone: (entry: NewEntry) => boolean) => (): void => createEntries(only(gatewayEntries(size), isGone));
  const isOfHost = ({ orig }: NewEntry): boolean => orig.src === BUSY_HOST;
  const snapshot = (): Promise<number> => search(EVERYTHING, 0);
  const program = rawDump();
  const list = (): number => Number(shell('conntrack -L 2>&1 >/dev/null').match(/(\d+) flow entries have been shown/)?.[1]);
  return [
    { name: 'full snapshot into columns', target: 0.6, ours: snapshot, theirs: list },
    ...(program === undefined
      ? []
      : [
          {
            name: 'full snapshot, against the same dump read and thrown away by C',
            target: 1.2,
            ours: snapshot,
            theirs: () => Number(shell(program)),
          },
        ]),
    {
      name: 'full snapshot, against conntrack -L parsed in Node',
      target: 0.45,
      ours: snapshot,
      theirs: () => shell('conntrack -L -o extended,id 2>/dev/null').trimEnd().split('\n').map(parseLine).length,
    },
    {
      name: 'search by host, either side, first 100 rows and facets',
      target: 0.6,
      ours: () => search(host, 100),
      theirs: () => Number(shell(`conntrack -L 2>/dev/null | grep -cwF ${BUSY_HOST}`)),
    },
    {
      name: 'states, protocols, WANs and top sources from cold',
      target: 0.5,
      ours: async () => (await table.breakdown(CONTEXT)).walked,
      theirs: () => Number(shell(`conntrack -L 2>/dev/null | ${TOP_SOURCES}`)),
    },
    {
      name: 'states, protocols, WANs and top sources from a snapshot',
      target: 0.02,
      prepare: snapshot,
      calls: 5,
      ours: async () => (await table.breakdown(CONTEXT, ANY_AGE)).walked,
      theirs: () => Number(shell(`conntrack -L 2>/dev/null | ${TOP_SOURCES}`)),
    },
    {
      name: 'from plan to verified: IPv4 host',
      target: 2,
      ours: () => operator.end(source),
      theirs: () => deletedBy(`conntrack -D -s ${BUSY_HOST}`),
      restore: putBack(isOfHost),
    },
    {
      name: 'from plan to verified: IPv4 host, kept for an undo',
      target: 2,
      ours: () => operator.end(source, 60),
      theirs: () => deletedBy(`conntrack -D -s ${BUSY_HOST}`),
      restore: putBack(isOfHost),
    },
    {
      name: 'from plan to verified: protocol, both families',
      target: 6,
      ours: () => operator.end(udp),
      theirs: () => deletedBy('conntrack -D -p udp', 'conntrack -D -f ipv6 -p udp'),
      restore: putBack(({ proto }) => proto === 17),
    },
    {
      name: 'from plan to verified: mark and mask',
      target: 8,
      ours: () => operator.end(mark),
      theirs: () => deletedBy(`conntrack -D -m ${MARK}`),
      restore: putBack((entry) => entry.mark !== 0),
    },
    {
      name: 'from plan to verified: prefix (45 %)',
      target: 8,
      ours: () => operator.end(prefix),
      theirs: () => deletedBy(`conntrack -D -s ${BUSY_PREFIX}`),
      restore: putBack(isBusyPrefix),
    },
    {
      name: 'from plan to verified: everything',
      target: 60,
      ours: () => operator.end(EVERYTHING),
      theirs: () => {
        const before = Number(shell('conntrack -C'));
        shell('conntrack -F');
        return before - Number(shell('conntrack -C'));
      },
      restore: putBack(() => true),
    },
    {
      name: 'count, maximum and counters of each CPU',
      target: 0.01,
      calls: 100,
      ours: async () => (await table.counters()).count,
      theirs: () => {
        shell('conntrack -S');
        return Number(shell('conntrack -C'));
      },
    },
  ];
}

function* only(entries: Iterable<NewEntry>, isWanted: (entry: NewEntry) => boolean): Generator<NewEntry, void, void> {
  for (const entry of entries) if (isWanted(entry)) yield entry;
}

/** A line as scripts take it apart. */
function parseLine(line: string): object {
  const parsed: Record<string, string> = {};
  for (const word of line.split(/\s+/)) {
    const equals = word.indexOf('=');
    if (equals > 0) parsed[(word.slice(0, equals) in parsed ? 'reply-' : '') + word.slice(0, equals)] = word.slice(equals + 1);
  }
  return parsed;
}

function deletedBy(...commands: string[]): number {
  return commands.reduce(
    (sum, command) => sum + Number(/(\d+) flow entries have been deleted/.exec(shell(`${command} 2>&1 >/dev/null`))?.[1] ?? 0),
    0,
  );
}

/**
 * Processes started by this thread are born in its namespace; they run at the worker's `nice` value, or a busy machine would choose the
 * winner.
 */
function shell(command: string): string {
  return spawnSync('nice', ['-n', '10', 'sh', '-c', command], { encoding: 'utf8', maxBuffer: 1 << 30 }).stdout;
}
