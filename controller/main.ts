import { readConfig } from './platform/config.ts';
import { createLogger } from './platform/logger.ts';
import { startController } from './start.ts';

const STOP_MS = 2800;

/** The controller as a process: runs until SIGTERM or SIGINT, then ends in under three seconds. */
async function main(): Promise<void> {
  const config = readConfig(process.env);
  const logger = createLogger(config.logLevel);
  const controller = await startController({ config, logger, clock: Date.now });
  const stop = (): void => {
    setTimeout(() => process.exit(0), STOP_MS).unref();
    controller.close().then(() => process.exit(0), () => process.exit(1));
  };
  process.once('SIGTERM', stop);
  process.once('SIGINT', stop);
  process.stdout.write(`${JSON.stringify({ msg: 'controller ready', ...controller.ports })}\n`);
}

main().catch((error: unknown) => {
  process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
  process.exit(1);
});
