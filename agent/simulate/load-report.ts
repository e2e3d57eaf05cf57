import { monitorEventLoopDelay } from 'node:perf_hooks';

/** What one process of simulated gateways costs: since its start, but for the delay, which is since the last report. */
export interface LoadReport {
  simulated: number;
  gateways: number;
  userMs: number;
  systemMs: number;
  delayMs: { p50: number; p99: number; max: number };
  rssBytes: number;
  heapBytes: number;
}

/** Prints a report as a line of JSON each so often, until the signal aborts. */
export function reportLoad(gateways: number, everyMs: number, signal: AbortSignal): void {
  const delay = monitorEventLoopDelay({ resolution: 10 });
  delay.enable();
  const timer = setInterval(() => {
    const { user, system } = process.cpuUsage();
    const { rss, heapUsed } = process.memoryUsage();
    const report: LoadReport = {
      simulated: process.pid,
      gateways,
      userMs: Math.round(user / 1000),
      systemMs: Math.round(system / 1000),
      delayMs: { p50: milliseconds(delay.percentile(50)), p99: milliseconds(delay.percentile(99)), max: milliseconds(delay.max) },
      rssBytes: rss,
      heapBytes: heapUsed,
    };
    delay.reset();
    console.log(JSON.stringify(report));
  }, everyMs).unref();
  signal.addEventListener('abort', () => clearInterval(timer), { once: true });
}

function milliseconds(nanoseconds: number): number {
  return Math.round(nanoseconds / 1e4) / 100;
}
