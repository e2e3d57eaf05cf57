import { Worker } from 'node:worker_threads';
import { readConfig } from './platform/config.ts';
import { endNow } from './platform/end-now.ts';
import { createLogger, type Logger } from './platform/logger.ts';
import { startController, type RunningController } from './start.ts';

/** Beside other replicas, CTFLEET_DRAIN_SECONDS come before it. A supervisor waits at least 5 s before it kills us. */
const STOP_MS = 3500;

/**
 * Kills the process from a separate thread shortly after the deadline: a library that loops forever keeps every timer of the main thread
 * from firing.
 */
function endAnyway(afterMs: number): void {
  new Worker(`setTimeout(() => process.kill(process.pid, 'SIGKILL'), ${afterMs})`, { eval: true }).unref();
}

/** Exits with 0 once everything is handed over, or with 1 if that takes too long. */
function stopNow(running: RunningController, logger: Logger): void {
  const stopMs = running.drainMs() + STOP_MS;
  endAnyway(stopMs + 500);
  setTimeout(() => {
    logger.error({ ms: stopMs }, 'graceful shutdown timed out; open transactions are rolled back');
    endNow(1);
  }, stopMs).unref();
  running.close().then(
    () => endNow(0),
    (error: unknown) => {
      logger.error({ err: error }, 'graceful shutdown failed');
      endNow(1);
    },
  );
}

/**
 * The controller as a process: runs until SIGTERM or SIGINT. It then exits with 0 once everything is handed over, or with 1 and a log line
 * if that takes longer than 3.5 s after other replicas had time to take over, for example with a database that does not answer: what was in
 * a transaction is rolled back with its connection. If asked to stop while starting, it exits at once: nothing depends on it yet.
 */
async function main(): Promise<void> {
  const config = readConfig(process.env);
  const logger = createLogger(config.logLevel);
  let isStarting = true;
  const stop = (): void => {
    if (isStarting) endNow(0);
    void starting.then((running) => stopNow(running, logger));
  };
  process.once('SIGTERM', stop);
  process.once('SIGINT', stop);
  const starting = startController({ config, logger, clock: Date.now });
  const controller = await starting;
  isStarting = false;
  process.stdout.write(`${JSON.stringify({ msg: 'controller ready', ...controller.ports })}\n`);
}

main().catch((error: unknown) => {
  process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
  endNow(1);
});
