import { pino } from 'pino';
import type { Wan } from '../../agent/wans/wans.ts';
import type { FlowContext } from '../../agent/conntrack/table.ts';
import { Disk } from '../../agent/disk/disk.ts';
import type { Files } from '../../agent/disk/files.ts';
import type { LocalGuard } from '../../agent/operations/local-guard.ts';
import { Remediations } from '../../agent/remediations/remediations.ts';
import { remediationsFolder, RunLog } from '../../agent/remediations/run-log.ts';
import { RunReports } from '../../agent/remediations/run-reports.ts';
import { parseAddress } from '../../proto/model/address.ts';
import type { WatchedTable } from './watched-table.ts';

/** The gateway on which a remediation acts. */
interface Place {
  table: WatchedTable;
  stateDir: string;
  files: Files;
  now: () => number;
  guard: LocalGuard;
  context: () => FlowContext;
}

const UP: Wan = { name: 'wan1', interface: 'wan1', addresses: [parseAddress('192.0.2.1')!], isUp: true, carriesDefaultRoute: true };

interface Answer {
  id: string;
  filter: string;
  maxFlowsAlone?: number;
}

/**
 * A remediation that nobody else approved is sent to the gateway, a WAN goes down, and the remediation does what it may. Resolves when its
 * report has arrived.
 */
export async function carryOutRemediation({ files, now, ...place }: Place, { id, filter, maxFlowsAlone }: Answer): Promise<void> {
  const end = new AbortController();
  // Every delay lasts until the end: time stands still meanwhile.
  const delay = (ms: number, signal?: AbortSignal): Promise<void> =>
    new Promise((resolve) => {
      if (ms < 1000 || signal?.aborted) resolve();
      else signal?.addEventListener('abort', () => resolve(), { once: true });
    });
  await new Promise<void>((resolve) => {
    const disk = new Disk({ files, now });
    const runs = new RunLog(remediationsFolder(place.stateDir), disk);
    const remediations = new Remediations({
      ...place,
      disk,
      runs,
      reports: new RunReports(runs, { offsetMs: () => 0 }),
      clock: { now, delay },
      log: pino({ level: 'silent' }),
      onReport: () => {
        end.abort();
        void running.then(resolve);
      },
    });
    const running = remediations.run(end.signal);
    const document = JSON.stringify({
      name: 'WAN down',
      mode: 'auto',
      trigger: { kind: 'wan-down' },
      filter,
      steps: { verifyAfterSeconds: 0 },
      limits: { coolDownSeconds: 0, maxPercentOfTable: 100, maxFlows: 1000 },
    });
    remediations.observeWans([UP]);
    const limits = maxFlowsAlone === undefined ? undefined : { flows: maxFlowsAlone, percentOfTable: undefined };
    remediations.replace([{ id, revision: 1, document, limits, isApproved: false, delaySeconds: 0 }]);
    remediations.observeWans([{ ...UP, isUp: false, carriesDefaultRoute: false }]);
  });
}
