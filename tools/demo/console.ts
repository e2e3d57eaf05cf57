import { setTimeout as delay } from 'node:timers/promises';
import path from 'node:path';
import { ROOT } from '../set-up.ts';
import { startProgram, type Home } from './programs.ts';

/** Starts the console and waits until it responds. */
export async function startConsole(home: Home, port: number, apiUrl: string, isDevelopment: boolean): Promise<void> {
  const env = { PORT: String(port), HOSTNAME: '127.0.0.1', CTFLEET_API_URL: apiUrl, NEXT_TELEMETRY_DISABLED: '1' };
  const child = isDevelopment
    ? startProgram(
        home,
        'console',
        process.execPath,
        [path.join(ROOT, 'node_modules/next/dist/bin/next'), 'dev', 'web', '--port', String(port), '--hostname', '127.0.0.1'],
        env,
      )
    : startProgram(home, 'console', process.execPath, [path.join(ROOT, 'web/.next/standalone/web/server.js')], {
        ...env,
        NODE_ENV: 'production',
      });
  let ended = false;
  child.once('exit', () => (ended = true));
  for (let waited = 0; waited < 60_000; waited += 100) {
    if (ended) throw new Error('the console exited before it was ready; see logs/console.log');
    const answer = await fetch(`http://127.0.0.1:${port}/sign-in`).catch(() => undefined);
    if (answer?.ok) return;
    await delay(100);
  }
  throw new Error('the console does not respond; see logs/console.log');
}
