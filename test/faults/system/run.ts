import { setTimeout as delay } from 'node:timers/promises';
import type { Home } from '../../../tools/demo/programs.ts';
import type { History, Outage } from '../history.ts';
import { Driver } from './driver.ts';
import { Fleet } from './fleet.ts';
import { kindOf, undergo, type KindName } from './outages.ts';
import type { ControllerName } from './parts.ts';
import { ProgressWatch } from './progress.ts';

/**
 * How long after the last fault everything that had been requested by then must have ended, and how long after the last command
 * everything must have.
 */
export const SETTLE_MS = 60_000;

export interface RunOptions {
  home: Home;
  controllers: readonly ControllerName[];
  gateways: number;
  commands: number;
  slots: number;
  atOnce: number;
  faults: readonly { kind: KindName; afterMs: number }[];
  /** Instead of SETTLE_MS, for fleets that take longer than that to be let in again. */
  settleMs?: number;
  controllerEnv?: Record<string, string>;
  /** As of `Parts.start`. */
  lastRelease?: string;
  /** Told once everything runs. */
  onStart?: (fleet: Fleet, driver: Driver) => void;
  /** Runs beside it, until it is told that everything else is over. */
  beside?: (fleet: Fleet, over: AbortSignal) => Promise<void>;
}

/**
 * One fault of a run. `inFlight`: commands in progress when it struck; `recoveredMs`: from there to the first end of a command after its
 * repair.
 */
export interface FaultReport {
  fault: KindName;
  part: string;
  inFlight: number;
  lastedMs: number;
  recoveredMs?: number;
}

/**
 * `settledMs`: from the end of the last fault to the recorded end of all commands that had been requested by then. `isOver`: nothing is in
 * progress any more.
 */
export interface RunReport {
  history: History;
  faults: FaultReport[];
  settledMs: number;
  isOver: boolean;
  seconds: number;
}

/**
 * A whole system under faults: commands are driven throughout, one fault after another strikes, and everything that happened is recorded.
 */
export async function runUnderFaults(options: RunOptions, onFault: (report: FaultReport) => void): Promise<RunReport> {
  const fleet = await Fleet.start({ ...options, controllerEnv: { CTFLEET_SAMPLE_INTERVAL_MS: '5000', ...options.controllerEnv } });
  const { parts } = fleet;
  const over = new AbortController();
  const beside = options.beside?.(fleet, over.signal);
  const beganMs = performance.now();
  const watch = new ProgressWatch(parts.databaseUrl);
  const driver = new Driver(fleet.operator, fleet.tenantIds, options.slots);
  options.onStart?.(fleet, driver);
  let begun = 0;
  const driven = driver.drive(options.commands, options.atOnce, () =>
    begun === options.faults.length ? 1 : begun / options.faults.length,
  );
  const outages: Outage[] = [];
  const reports: FaultReport[] = [];
  const told: Promise<void>[] = [];
  for (const { kind, afterMs } of options.faults) {
    begun++;
    await delay(afterMs);
    const report: FaultReport = { fault: kind, part: kindOf(kind).part, inFlight: watch.unfinished, lastedMs: 0 };
    const { fromMs, toMs } = await undergo(fleet, kind);
    outages.push({ name: kind, fromMs, toMs });
    reports.push(report);
    report.lastedMs = toMs - fromMs;
    told.push(
      watch.finishAfter(toMs).then((atMs) => {
        if (atMs !== undefined) report.recoveredMs = atMs - fromMs;
        onFault(report);
      }),
    );
  }
  await driven;
  const isOver = (await watch.untilNothingIsLeft(Date.now() + (options.settleMs ?? SETTLE_MS))) !== undefined;
  watch.end();
  // Of a fault after which no command was left to end, too.
  await Promise.all(told);
  over.abort();
  await beside;
  const history = await fleet.collect(driver.asks, outages);
  parts.proxy.close();
  return {
    history,
    faults: reports,
    settledMs: settledAfter(history, outages.at(-1)?.toMs ?? 0),
    isOver,
    seconds: (performance.now() - beganMs) / 1000,
  };
}

/** How long after that moment the last command that existed by then was recorded as ended; 0 if all were. */
export function settledAfter({ commands, audit }: Pick<History, 'commands' | 'audit'>, atMs: number): number {
  const earlier = new Set<unknown>(commands.filter((command) => command.createdAtMs <= atMs).map(({ id }) => id));
  return audit.reduce(
    (longest, { action, at, detail }) =>
      action === 'flush.target-finished' && earlier.has(detail.commandId) ? Math.max(longest, Date.parse(at) - atMs) : longest,
    0,
  );
}
