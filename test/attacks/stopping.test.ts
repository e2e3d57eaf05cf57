import { spawn, spawnSync, type ChildProcess } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:net';
import os from 'node:os';
import path from 'node:path';
import pg from 'pg';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { freePort } from '../../tools/free-port.ts';
import { ROOT } from '../../tools/set-up.ts';
import { whyNoKernelGateways } from '../../tools/system.ts';
import { startTestPostgres, type TestPostgres } from '../support/database.ts';
import { freeze } from '../support/frozen.ts';
import { until } from '../support/system.ts';

let postgres: TestPostgres;
let folder: string;
let mute: Server;
let child: ChildProcess | undefined;
let thaw: () => void = () => undefined;
const whyNoNamespaces = whyNoKernelGateways();

beforeAll(async () => {
  postgres = await startTestPostgres();
  folder = mkdtempSync(path.join(os.tmpdir(), 'ctfleet-stopping-'));
  // Accepts connections and never says a word, like something behind a firewall that drops packets.
  mute = createServer((socket) => void socket.on('error', () => undefined));
  await new Promise<void>((resolve) => mute.listen(0, '127.0.0.1', resolve));
});
afterEach(() => {
  thaw();
  child?.kill('SIGKILL');
});
afterAll(async () => {
  mute.close();
  await postgres.stop();
  rmSync(folder, { recursive: true, force: true });
});

const muteAddress = (): string => `127.0.0.1:${(mute.address() as { port: number }).port}`;

interface Program {
  /** Resolves with the first line of its output that contains the text. */
  said(text: string): Promise<string>;
  /** Resolves when it has a UDP socket, which the C library uses to query a resolver. */
  resolves(): Promise<void>;
  stop(): Promise<{ code: number | null; signal: string | null; seconds: number }>;
}

/** One of our programs as a process. */
function start(args: string[], env: Record<string, string>, around: string[] = []): Program {
  const [command, ...rest] = [...around, process.execPath, ...args] as [string, ...string[]];
  const started = spawn(command, rest, {
    cwd: ROOT,
    env: {
      PATH: process.env.PATH,
      CTFLEET_STATE_DIR: folder,
      CTFLEET_API_PORT: '0',
      CTFLEET_ENROL_PORT: '0',
      CTFLEET_LINK_PORT: '0',
      CTFLEET_LINK_HOST: '127.0.0.1',
      ...env,
    },
  });
  child = started;
  let output = '';
  const listeners = new Set<() => void>();
  for (const stream of [started.stdout, started.stderr])
    stream.on('data', (text: Buffer) => {
      output += text.toString();
      listeners.forEach((listener) => listener());
    });
  const exited = new Promise<{ code: number | null; signal: string | null }>((resolve) =>
    started.once('exit', (code, signal) => resolve({ code, signal })),
  );
  return {
    said: (text) =>
      new Promise((resolve, reject) => {
        const look = (): void => {
          const line = output
            .slice(0, output.lastIndexOf('\n'))
            .split('\n')
            .find((one) => one.includes(text));
          if (line !== undefined) resolve(line);
        };
        listeners.add(look);
        void exited.then(() => reject(new Error(`it ended without saying ${text}:\n${output}`)));
        look();
      }),
    resolves: async () =>
      void (await until(
        'it queries the resolver',
        () => readFileSync(`/proc/${started.pid}/net/udp`, 'utf8').includes(':0035 ') || undefined,
      )),
    stop: async () => {
      const began = performance.now();
      started.kill('SIGTERM');
      return { ...(await exited), seconds: (performance.now() - began) / 1000 };
    },
  };
}

const MAIN = path.join(ROOT, 'build/controller/main.js');
/** Resolves when somebody has connected to the mute server. */
const comes = (): Promise<unknown> =>
  new Promise((resolve) => {
    mute.once('connection', resolve);
  });

describe('the controller, asked to stop', () => {
  it('exits with 0 while Redis is dead or mute', async () => {
    for (const address of [`127.0.0.1:${await freePort()}`, muteAddress()]) {
      const program = start([MAIN], { CTFLEET_DATABASE_URL: await postgres.newDatabase(), CTFLEET_REDIS_URL: `redis://${address}` });
      await program.said('controller ready');
      const ended = await program.stop();
      expect(ended).toMatchObject({ code: 0 });
      expect(ended.seconds).toBeLessThan(5);
    }
  });

  it('exits within five seconds while a statement waits for a frozen Postgres, and its exit code says that it was not orderly', async () => {
    const program = start([MAIN], { CTFLEET_DATABASE_URL: await postgres.newDatabase() });
    const { apiPort } = JSON.parse(await program.said('controller ready')) as { apiPort: number };
    thaw = freeze(postgres.server);
    const asked = fetch(`http://127.0.0.1:${apiPort}/readyz`).catch(() => undefined);
    // Answered after the other has come in.
    expect((await fetch(`http://127.0.0.1:${apiPort}/healthz`)).status).toBe(200);
    const ended = await program.stop();
    thaw();
    await asked;
    expect(ended).toMatchObject({ code: 1, signal: null });
    expect(ended.seconds).toBeLessThan(5);
  });

  it('is alive while its queues’ first connections wait for a frozen Postgres, and works when it thaws', async () => {
    const program = start([MAIN], { CTFLEET_DATABASE_URL: await postgres.newDatabase() });
    const { apiPort } = JSON.parse(await program.said('controller ready')) as { apiPort: number };
    thaw = freeze(postgres.server);
    await program.said('"the queue is unavailable"');
    expect((await fetch(`http://127.0.0.1:${apiPort}/healthz`, { signal: AbortSignal.timeout(2000) })).status).toBe(200);
    thaw();
    await program.said('"resolved: the queue is unavailable"');
    expect(await program.stop()).toMatchObject({ code: 0 });
  });

  it('exits at once during start-up when the database accepts the connection and says nothing', async () => {
    for (const migrationUrl of ['', `postgresql://owner:x@${muteAddress()}/ctfleet`]) {
      const came = comes();
      const program = start([MAIN], {
        CTFLEET_DATABASE_URL: `postgresql://ctfleet:x@${muteAddress()}/ctfleet`,
        CTFLEET_MIGRATION_DATABASE_URL: migrationUrl,
      });
      await came;
      const ended = await program.stop();
      expect(ended).toMatchObject({ code: 0 });
      expect(ended.seconds).toBeLessThan(5);
    }
  });

  it('exits at once while its migrations wait for another’s, and leaves no lock behind', async () => {
    const url = await postgres.newDatabase();
    const other = new pg.Client(postgres.ownerUrl(url));
    other.on('error', () => undefined);
    await other.connect();
    await other.query('SELECT pg_advisory_lock(72707369)');
    const program = start([MAIN], { CTFLEET_DATABASE_URL: url, CTFLEET_MIGRATION_DATABASE_URL: postgres.ownerUrl(url) });
    await until(
      'it waits',
      async () => (await postgres.query(url, `SELECT FROM pg_locks WHERE locktype = 'advisory' AND NOT granted`)).length > 0 || undefined,
    );
    const ended = await program.stop();
    expect(ended).toMatchObject({ code: 0 });
    expect(ended.seconds).toBeLessThan(5);
    await other.query('SELECT pg_advisory_unlock(72707369)');
    await other.query(`SET lock_timeout = '10s'; SELECT pg_advisory_lock(72707369)`);
    await other.end();
  });

  it.skipIf(whyNoNamespaces !== undefined)('exits at once while a name look-up waits for a dead resolver', async () => {
    const resolver = path.join(folder, 'resolv.conf');
    writeFileSync(resolver, 'nameserver 192.0.2.53\n');
    // A network namespace of its own, in which packets to the resolver go nowhere.
    const script = `ip link set lo up && ip link add hole type veth peer name end && ip addr add 192.0.2.1/24 dev hole && ip link set hole up && ip link set end up
      ip neigh add 192.0.2.53 lladdr 02:00:00:00:00:01 dev hole && mount --bind ${resolver} /etc/resolv.conf && exec "$@"`;
    const program = start([MAIN], { CTFLEET_DATABASE_URL: 'postgresql://ctfleet:x@database.example.net/ctfleet' }, [
      'unshare',
      '-nm',
      'sh',
      '-c',
      script,
      'sh',
    ]);
    await program.resolves();
    const ended = await program.stop();
    expect(ended).toMatchObject({ code: null, signal: 'SIGTERM' });
    expect(ended.seconds).toBeLessThan(5);
  });
});

describe('the other programs, asked to stop', () => {
  const CONSOLE = path.join(ROOT, 'web/.next/standalone/web/server.js');
  it.skipIf(!existsSync(CONSOLE))(
    'the console exits within five seconds while the controller does not answer and a browser waits for it',
    async () => {
      const port = await freePort();
      const program = start([CONSOLE], {
        PORT: String(port),
        HOSTNAME: '127.0.0.1',
        CTFLEET_API_URL: `http://${muteAddress()}`,
        NODE_ENV: 'production',
      });
      await program.said('Ready');
      const came = comes();
      const waiting = fetch(`http://127.0.0.1:${port}/api/v1/gateways`).then(
        () => 'answered',
        () => 'cut',
      );
      await came;
      const ended = await program.stop();
      expect(ended).toMatchObject({ code: 143 });
      expect(ended.seconds).toBeLessThan(5);
      expect(await waiting).toBe('cut');
    },
  );

  it('bootstrap and migrate exit at once while the database says nothing', async () => {
    const url = `postgresql://ctfleet:x@${muteAddress()}/ctfleet`;
    for (const args of [
      ['bootstrap.js', '--email', 'a@example.net', '--name', 'A', '--password', 'correct horse battery'],
      ['migrate.js'],
    ]) {
      const [program = '', ...rest] = args;
      const came = comes();
      const started = start([path.join(ROOT, 'build/controller', program), ...rest], {
        CTFLEET_DATABASE_URL: url,
        CTFLEET_MIGRATION_DATABASE_URL: url,
      });
      await came;
      expect((await started.stop()).seconds).toBeLessThan(5);
    }
  });
});

it('npm passes an interrupt on to the program itself, with no shell between them', () => {
  const { scripts } = JSON.parse(spawnSync('cat', ['package.json'], { cwd: ROOT, encoding: 'utf8' }).stdout) as {
    scripts: Record<string, string>;
  };
  for (const [name, script] of Object.entries(scripts)) expect(`${name}: ${script}`).toMatch(/: exec node /);
});
