import { execFileSync, spawn } from 'node:child_process';
import { freePort } from './free-port.ts';

/** A running Redis of ours, in memory only. */
export interface Redis { pid: number; port: number; url: string; stop(): Promise<void> }

/** True if this machine has a redis-server. */
export function hasRedis(): boolean {
  try {
    execFileSync('redis-server', ['--version'], { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
}

/** Starts redis-server on loopback without persistence. Throws with its output if it does not come up. */
export async function startRedis(options: { port?: number } = {}): Promise<Redis> {
  const port = options.port ?? (await freePort());
  const child = spawn('redis-server', ['--port', String(port), '--bind', '127.0.0.1', '--save', '', '--appendonly', 'no', '--maxmemory-policy', 'noeviction'], {
    stdio: ['ignore', 'pipe', 'ignore'], detached: true, cwd: '/',
  });
  let log = '';
  await new Promise<void>((resolve, reject) => {
    child.once('error', reject);
    child.once('exit', (code) => reject(new Error(`redis-server ended with ${code}: ${log}`)));
    child.stdout.on('data', (text: Buffer) => {
      log = (log + text.toString()).slice(-4000);
      if (log.includes('Ready to accept connections')) resolve();
    });
  });
  return {
    pid: child.pid!,
    port,
    url: `redis://127.0.0.1:${port}`,
    stop: () => new Promise((resolve) => {
      if (child.exitCode !== null || child.signalCode !== null) return resolve();
      child.once('exit', () => resolve());
      child.kill('SIGTERM');
    }),
  };
}
