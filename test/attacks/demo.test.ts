import { execFileSync, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs';
import { createConnection } from 'node:net';
import os from 'node:os';
import path from 'node:path';
import pg from 'pg';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ProcessGroup } from '../../tools/process-group.ts';
import { startPostgres, type Postgres } from '../../tools/postgres.ts';
import { startRedis, type Redis } from '../../tools/redis.ts';

/** Another user on this machine. */
const STRANGER = 60_001;
const isRoot = process.getuid?.() === 0;

let home: string;
let postgres: Postgres;
let redis: Redis;
const family = new ProcessGroup();
beforeAll(async () => {
  // mkdtemp creates it as 0700, like .ctfleet: others cannot enter.
  home = mkdtempSync(path.join(os.tmpdir(), 'ctfleet-demo-'));
  postgres = await startPostgres({ dir: path.join(home, 'postgres') });
  family.adopt(postgres.pid, 'SIGINT');
  redis = await startRedis();
  family.adopt(redis.pid);
});
afterAll(async () => {
  await family.end();
  rmSync(home, { recursive: true, force: true });
  rmSync(postgres.dataDir, { recursive: true, force: true });
});

function asStranger(command: string, ...args: string[]): { code: number | null; text: string } {
  const { status, stdout, stderr } = spawnSync(
    'setpriv',
    [`--reuid=${STRANGER}`, `--regid=${STRANGER}`, '--clear-groups', command, ...args],
    { encoding: 'utf8', cwd: '/' },
  );
  return { code: status, text: stdout + stderr };
}

const statusOf = (pid: number): Record<string, string> =>
  Object.fromEntries(
    readFileSync(`/proc/${pid}/status`, 'utf8')
      .split('\n')
      .map((line) => line.split(/:\s+/) as [string, string]),
  );

async function connect(url: string): Promise<void> {
  const client = new pg.Client(url);
  await client.connect();
  await client.end();
}

describe('the servers of the demo', () => {
  it('admit nobody without the password, which differs in every installation', async () => {
    const wrong = new URL(postgres.url('postgres'));
    await expect(connect(wrong.href)).resolves.toBeUndefined();
    for (const password of ['', 'postgres', `${wrong.password}x`]) {
      const url = new URL(wrong);
      url.password = password;
      await expect(connect(url.href)).rejects.toThrow(/password/);
    }
    expect(wrong.password.length).toBeGreaterThanOrEqual(30);
    const socket = createConnection(redis.port, '127.0.0.1');
    socket.write('FLUSHALL\r\n');
    expect((await once(socket, 'data')).toString()).toMatch(/^-NOAUTH/);
    socket.destroy();
  });

  it('keep every password out of the process list', () => {
    const passwords = [postgres.url('postgres'), redis.url].map((url) => new URL(url).password);
    for (const pid of [postgres.pid, redis.pid]) {
      const command = readFileSync(`/proc/${pid}/cmdline`, 'utf8');
      for (const password of passwords) expect(command).not.toContain(password);
    }
  });

  it('keep the password for the next start in a file that only one user can read', () => {
    const file = path.join(home, 'postgres/password');
    expect(statSync(file).mode & 0o777).toBe(0o600);
    expect(readFileSync(file, 'utf8')).toBe(new URL(postgres.url('postgres')).password);
  });

  it.runIf(isRoot)('run as users of their own that have no capabilities and can gain none', () => {
    const users = [postgres.pid, redis.pid].map((pid) => {
      const status = statusOf(pid);
      for (const set of ['CapInh', 'CapPrm', 'CapEff', 'CapBnd', 'CapAmb'])
        expect(`${set} ${status[set]}`).toBe(`${set} ${'0'.repeat(16)}`);
      expect(status.NoNewPrivs).toBe('1');
      return Number(status.Uid!.split('\t')[0]);
    });
    const others = readFileSync('/etc/passwd', 'utf8')
      .split('\n')
      .map((line) => Number(line.split(':')[2]));
    for (const uid of users) expect([0, STRANGER, 65_534, ...others]).not.toContain(uid);
  });

  it.runIf(isRoot)('cannot be made to read root’s files, nor to run a program that can', async () => {
    const secret = path.join(home, 'root-only');
    execFileSync('sh', ['-c', `umask 077; echo secret > ${secret}`]);
    const client = new pg.Client(postgres.url('postgres'));
    await client.connect();
    try {
      await expect(client.query(`SELECT pg_read_file('${secret}')`)).rejects.toThrow(/Permission denied/);
      await expect(client.query(`SELECT pg_read_file('/etc/shadow')`)).rejects.toThrow(/Permission denied/);
      await client.query('CREATE TEMP TABLE said (line TEXT)');
      await client.query(`COPY said FROM PROGRAM 'grep ^Cap /proc/self/status' (DELIMITER '|')`);
      const { rows } = await client.query<{ line: string }>('SELECT line FROM said');
      for (const { line } of rows) expect(line).toMatch(/0{16}$/);
    } finally {
      await client.end();
    }
  });

  it.runIf(isRoot)('can be neither read nor killed by another user', () => {
    for (const place of [
      postgres.dataDir,
      path.join(postgres.dataDir, 'PG_VERSION'),
      home,
      path.join(home, 'postgres/password'),
      `/proc/${postgres.pid}/environ`,
      `/proc/${redis.pid}/environ`,
    ]) {
      expect(asStranger('cat', place)).toMatchObject({ code: 1, text: expect.stringContaining('Permission denied') });
    }
    for (const pid of [postgres.pid, redis.pid]) {
      expect(asStranger('sh', '-c', `kill -STOP ${pid}`).text).toMatch(/not permitted/);
      expect(statusOf(pid).State).not.toMatch(/^T/);
    }
  });

  it('find their data again from the same home, and start afresh for a different one', async () => {
    const dir = path.join(home, 'again');
    const first = await startPostgres({ dir });
    family.adopt(first.pid, 'SIGINT');
    expect(first.isNew).toBe(true);
    await first.stop();
    const second = await startPostgres({ dir });
    family.adopt(second.pid, 'SIGINT');
    expect(second.isNew).toBe(false);
    await connect(second.url('postgres'));
    await second.stop();
    rmSync(path.join(dir, 'password'));
    const third = await startPostgres({ dir });
    family.adopt(third.pid, 'SIGINT');
    expect(third.isNew).toBe(true);
    await connect(third.url('postgres'));
    await third.stop();
    rmSync(third.dataDir, { recursive: true });
  });
});
