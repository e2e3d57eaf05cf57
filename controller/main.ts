import { Worker } from 'node:worker_threads';
import { readConfig } from './platform/config.ts';
import { endNow } from './platform/end-now.ts';
import { createLogger } from './platform/logger.ts';
import { startController } from './start.ts';

/** Whoever supervises us waits 5 s or more before it kills. */
const STOP_MS = 3500;

/**
 * Ends the process from a thread of its own, a moment later than it should: what a library does without end keeps every timer from its
 * turn.
 */
function endAnyway(): void {
  new Worker(`setTimeout(() => process.kill(process.pid, 'SIGKILL'), ${STOP_MS + 500})`, { eval: true }).unref();
}

/**
 * The controller as a process: runs until SIGTERM or SIGINT. It then ends with 0 when all is handed over; with 1, and a line in the log, if
 * that takes
 * longer than 3.5 s, as with a database that does not answer: what was in a transaction is rolled back with its connection. Asked while it
 * starts, it
 * ends at once: nothing depends on it yet.
 */
async function main(): Promise<void> {
  const config = readConfig(process.env);
  const logger = createLogger(config.logLevel);
  let isStarting = true;
  const stop = (): void => {
    if (isStarting) endNow(0);
    endAnyway();
    setTimeout(() => {
      logger.error({ ms: STOP_MS }, 'could not end in order in time; transactions under way are rolled back');
      endNow(1);
    }, STOP_MS).unref();
    starting
      .then((controller) => controller.close())
      .then(
        () => endNow(0),
        (error: unknown) => {
          logger.error({ err: error }, 'could not end in order');
          endNow(1);
        },
      );
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
