import { execFileSync, spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { freePort } from './free-port.ts';
import { asUid, isRoot, newUid } from './unprivileged.ts';

/** Shared by every Redis that this process starts, so that a restarted one keeps its URL. */
const PASSWORD = randomBytes(24).toString('base64url');

/** A Redis of ours, in memory only. It requires the password, which is in `url`. */
export interface Redis {
  pid: number;
  port: number;
  url: string;
  stop(): Promise<void>;
}

/** True if this machine has a redis-server. */
export function hasRedis(): boolean {
  try {
    execFileSync('redis-server', ['--version'], { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
}

/**
 * Starts redis-server on loopback without persistence, as a dedicated user if we are root. Throws with its output if it does not come up.
 */
export async function startRedis(options: { port?: number } = {}): Promise<Redis> {
  const port = options.port ?? (await freePort());
  const [command, args] = asUid(isRoot() ? newUid() : undefined, 'redis-server', ['-']);
  const child = spawn(command, args, { stdio: ['pipe', 'pipe', 'ignore'], detached: true, cwd: '/' });
  // On standard input, since arguments show in the process list.
  child.stdin.end(
    [`port ${port}`, 'bind 127.0.0.1', 'save ""', 'appendonly no', 'maxmemory-policy noeviction', `requirepass ${PASSWORD}`, ''].join('\n'),
  );
  let log = '';
  await new Promise<void>((resolve, reject) => {
    child.once('error', reject);
    child.once('exit', (code) => reject(new Error(`redis-server exited with ${code}: ${log}`)));
    child.stdout.on('data', (text: Buffer) => {
      log = (log + text.toString()).slice(-4000);
      if (log.includes('Ready to accept connections')) resolve();
    });
  });
  return {
    pid: child.pid!,
    port,
    url: `redis://:${PASSWORD}@127.0.0.1:${port}`,
    stop: () =>
      new Promise((resolve) => {
        if (child.exitCode !== null || child.signalCode !== null) return resolve();
        child.once('exit', () => resolve());
        child.kill('SIGTERM');
      }),
  };
}
