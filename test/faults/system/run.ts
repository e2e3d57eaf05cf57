import { setTimeout as delay } from 'node:timers/promises';
import type { Home } from '../../../tools/demo/programs.ts';
import type { History, Outage } from '../history.ts';
import { Driver } from './driver.ts';
import { Fleet } from './fleet.ts';
import { KINDS, undergo, type KindName } from './outages.ts';
import type { ControllerName } from './parts.ts';
import { ProgressWatch } from './progress.ts';

/** How long after the last fault everything must be over. */
const SETTLE_MS = 60_000;

export interface RunOptions { home: Home; controllers: readonly ControllerName[]; gateways: number; commands: number; slots: number; atOnce: number; faults: readonly { kind: KindName; afterMs: number }[] }

/** One fault of a run. `inFlight`: commands under way when it struck; `recoveredMs`: from there to the first end of a command after it was mended. */
export interface FaultReport { fault: KindName; part: string; inFlight: number; lastedMs: number; recoveredMs?: number }

/** `settledMs`: from the last fault, or the last command after it, to the end of all; absent if not all was over in time. */
export interface RunReport { history: History; faults: FaultReport[]; settledMs?: number; seconds: number }

/** A whole system under faults: commands are driven all the while, one fault after another befalls it, and all that happened is kept. */
export async function runUnderFaults(options: RunOptions, onFault: (report: FaultReport) => void): Promise<RunReport> {
  const fleet = await Fleet.start({ ...options, controllerEnv: { CTFLEET_SAMPLE_INTERVAL_MS: '5000' } });
  const { parts } = fleet;
  const beganMs = performance.now();
  const watch = new ProgressWatch(parts.databaseUrl);
  const driver = new Driver(fleet.operator, fleet.tenantIds, options.slots);
  const driven = driver.drive(options.commands, options.atOnce);
  const outages: Outage[] = [];
  const reports: FaultReport[] = [];
  for (const { kind, afterMs } of options.faults) {
    await delay(afterMs);
    const report: FaultReport = { fault: kind, part: KINDS[kind].part, inFlight: watch.unfinished, lastedMs: 0 };
    const { fromMs, toMs } = await undergo(parts, kind);
    outages.push({ name: kind, fromMs, toMs });
    reports.push(report);
    report.lastedMs = toMs - fromMs;
    void watch.finishAfter(toMs).then((atMs) => {
      if (atMs !== undefined) report.recoveredMs = atMs - fromMs;
      onFault(report);
    });
  }
  await driven;
  const lastMs = Date.now();
  const settledAtMs = await watch.untilNothingIsLeft(lastMs + SETTLE_MS);
  watch.end();
  const history = await fleet.collect(driver.asks, outages);
  parts.proxy.close();
  return { history, faults: reports, settledMs: settledAtMs === undefined ? undefined : settledAtMs - lastMs, seconds: (performance.now() - beganMs) / 1000 };
}
