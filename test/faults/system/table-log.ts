import { readRecords } from '../../../agent/operations/journal.ts';
import type { DiskFault } from '../disk.ts';
import type { Deed, FlowName } from '../history.ts';
import { toDeed } from '../watched-journal.ts';

/** Stored beside the agent's own files. */
export const DEEDS_FILE = 'table-deeds.ndjson';

/** What happens to the disks and the clocks of all gateways. `wallAheadMs`: how far their wall clocks are ahead of true time. */
export interface Weather {
  diskFault?: DiskFault;
  wallAheadMs: number;
}
export const CALM: Weather = { wallAheadMs: 0 };

/**
 * What the program of agents reads from its standard input. `beganMs`: when every table was filled. `weatherFile`: where it polls for its
 * weather; there may be none.
 */
export interface AgentsSpec {
  gateways: { name: string; number: number; stateDir: string; joinToken?: string }[];
  enrolAddress: string;
  linkAddress: string;
  beganMs: number;
  slots: number;
  weatherFile: string;
}

/**
 * A line that a table wrote about itself. `journalBytes`: the length of the agent's journal at that moment, which puts both in one order.
 */
export interface TableLine {
  kind: 'began' | 'delete' | 'expire' | 'restore' | 'sampled';
  flows: FlowName[];
  life: number;
  atMs: number;
  journalBytes: number;
}

/** All that one gateway did, from its table's log and its agent's journal, in the order in which it happened. */
export function mergeDeeds(gatewayId: string, tableLog: string, journal: Buffer): Deed[] {
  const records = withEnds(journal);
  const deeds: Deed[] = [];
  let last = { life: 1, atMs: 0 };
  const takeUpTo = (bytes: number): void => {
    while (records[0] && records[0].end <= bytes) {
      const deed = toDeed(records.shift()!.record);
      if (deed) deeds.push({ ...deed, gatewayId, life: last.life, atMs: last.atMs });
    }
  };
  for (const text of tableLog.trimEnd().split('\n').filter(Boolean)) {
    const { kind, flows, life, atMs, journalBytes } = JSON.parse(text) as TableLine;
    takeUpTo(journalBytes);
    last = { life, atMs };
    deeds.push({ ...(kind === 'began' || kind === 'sampled' ? { kind } : { kind, flows }), gatewayId, life, atMs });
  }
  takeUpTo(Infinity);
  return deeds;
}

function withEnds(journal: Buffer): { record: ReturnType<typeof readRecords>['records'][number]; end: number }[] {
  const { records } = readRecords(journal);
  let end = 0;
  return records.map((record) => {
    end = journal.indexOf(10, end) + 1;
    return { record, end };
  });
}
