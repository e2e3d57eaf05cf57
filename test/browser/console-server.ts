import { spawn, type ChildProcess } from 'node:child_process';
import { cp } from 'node:fs/promises';
import { createServer } from 'node:net';
import path from 'node:path';

const ROOT = path.join(import.meta.dirname, '../..');
const BUILT = path.join(ROOT, 'web/.next/standalone/web');

/** The built console (`next build web` first) in front of a controller. The standalone server needs the static files beside it. */
export async function startConsole(apiUrl: string, settings: Record<string, string> = {}): Promise<{ url: string; close(): void }> {
  // File names identify contents, so existing files stay: another test file may be reading them.
  await cp(path.join(ROOT, 'web/.next/static'), path.join(BUILT, '.next/static'), { recursive: true, force: false });
  const port = await freePort();
  const child = spawn(process.execPath, [path.join(BUILT, 'server.js')], {
    env: {
      ...process.env,
      PORT: String(port),
      HOSTNAME: '127.0.0.1',
      CTFLEET_API_URL: apiUrl,
      NODE_ENV: 'production',
      NEXT_TELEMETRY_DISABLED: '1',
      ...settings,
    },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  await ready(child);
  return { url: `http://127.0.0.1:${port}`, close: () => void child.kill() };
}

function ready(child: ChildProcess): Promise<void> {
  return new Promise((resolve, reject) => {
    child.stdout!.on('data', (text: Buffer) => {
      if (text.includes('Ready')) resolve();
    });
    child.once('exit', (code) => reject(new Error(`the console ended with ${code}; was it built with "next build web"?`)));
  });
}

function freePort(): Promise<number> {
  return new Promise((resolve) => {
    const server = createServer();
    server.listen(0, '127.0.0.1', () => {
      const address = server.address();
      server.close(() => resolve(typeof address === 'object' && address ? address.port : 0));
    });
  });
}
