import { execFileSync, spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import os from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openApiDocument } from '../../../controller/platform/openapi.ts';
import { readConfig } from '../../../controller/platform/config.ts';
import { openTestDatabases, type TestDatabases } from '../../support/database.ts';

const ROOT = path.resolve(import.meta.dirname, '../../..');

let postgres: TestDatabases;
let stateDir: string;
beforeAll(async () => {
  postgres = await openTestDatabases();
  stateDir = mkdtempSync(path.join(os.tmpdir(), 'ctfleet-state-'));
});
afterAll(async () => {
  await postgres.stop();
  rmSync(stateDir, { recursive: true, force: true });
});

interface Run {
  stdout: string;
  stderr: string;
  code: number | null;
  seconds: number;
}

/** Runs a built program; `onReady` is called with its first line, which is the ready line. */
function run(
  program: string,
  args: string[],
  env: Record<string, string>,
  onReady?: (line: Record<string, unknown>, stop: (signal: NodeJS.Signals) => void) => void,
): Promise<Run> {
  const child = spawn(process.execPath, [path.join(ROOT, 'build/controller', program), ...args], {
    env: {
      PATH: process.env.PATH,
      CTFLEET_STATE_DIR: stateDir,
      CTFLEET_API_PORT: '0',
      CTFLEET_ENROL_PORT: '0',
      CTFLEET_LINK_PORT: '0',
      CTFLEET_LINK_HOST: '127.0.0.1',
      ...env,
    },
  });
  let stoppedAt = performance.now();
  const result: Run = { stdout: '', stderr: '', code: null, seconds: 0 };
  child.stdout.on('data', (text: Buffer) => {
    result.stdout += text.toString();
    const ready = result.stdout.split('\n').find((line) => line.includes('"controller ready"'));
    if (ready && onReady) {
      onReady(JSON.parse(ready), (signal) => {
        stoppedAt = performance.now();
        child.kill(signal);
      });
      onReady = undefined;
    }
  });
  child.stderr.on('data', (text: Buffer) => {
    result.stderr += text.toString();
  });
  return new Promise((resolve) =>
    child.once('exit', (code) => resolve({ ...result, code, seconds: (performance.now() - stoppedAt) / 1000 })),
  );
}

describe('the controller as a process', () => {
  it('reports when and where it is ready, and exits within five seconds of SIGTERM', async () => {
    const url = await postgres.newDatabase();
    let ports: Record<string, unknown> = {};
    const ended = await run('main.js', [], { CTFLEET_DATABASE_URL: url }, (line, stop) => {
      ports = line;
      stop('SIGTERM');
    });
    expect(ports).toEqual({
      msg: 'controller ready',
      apiPort: expect.any(Number),
      enrolPort: expect.any(Number),
      linkPort: expect.any(Number),
    });
    expect(ended.code).toBe(0);
    expect(ended.seconds).toBeLessThan(5);
  });

  it('reports a port that is in use in one line', async () => {
    const server = createServer().listen(0, '127.0.0.1');
    await new Promise((resolve) => server.once('listening', resolve));
    const { port } = server.address() as { port: number };
    for (const name of ['CTFLEET_API_PORT', 'CTFLEET_LINK_PORT']) {
      const ended = await run('main.js', [], {
        CTFLEET_DATABASE_URL: await postgres.newDatabase(),
        [name]: String(port),
        CTFLEET_LOG_LEVEL: 'silent',
      });
      expect(ended.code).toBe(1);
      expect(ended.stderr.trim().split('\n')).toHaveLength(1);
      expect(ended.stderr).toContain(`127.0.0.1:${port}`);
    }
    server.close();
  });

  it('reports what is wrong with its environment', async () => {
    const ended = await run('main.js', [], { CTFLEET_DATABASE_URL: 'mysql://x', CTFLEET_API_PORT: 'many' });
    expect(ended.code).toBe(1);
    expect(ended.stderr).toMatch(/CTFLEET_DATABASE_URL: must be a postgresql:\/\/ URL/);
    expect(ended.stderr).toMatch(/CTFLEET_API_PORT: /);
    expect(() => readConfig({})).toThrow(/CTFLEET_DATABASE_URL/);
  });

  it('gets its first administrator once and never again, even when two are created at once', async () => {
    const env = { CTFLEET_DATABASE_URL: await postgres.newDatabase() };
    const args = (email: string): string[] => ['--email', email, '--password', 'correct horse battery', '--name', 'Owner'];
    expect(await run('bootstrap.js', ['--email', 'a@example.net', '--password', 'short', '--name', 'A'], env)).toMatchObject({
      code: 1,
      stderr: expect.stringContaining('15 characters'),
    });
    const first = await Promise.all(
      ['a@example.net', 'b@example.net', 'c@example.net'].map((email) => run('bootstrap.js', args(email), env)),
    );
    expect(first.map((ended) => ended.code).toSorted()).toEqual([0, 1, 1]);
    const again = await run('bootstrap.js', args('d@example.net'), env);
    expect(again).toMatchObject({ code: 1, stderr: expect.stringContaining('has already had its first administrator') });
    await postgres.query(env.CTFLEET_DATABASE_URL, 'DELETE FROM "user"');
    expect((await run('bootstrap.js', args('e@example.net'), env)).code).toBe(1);
  });
});

describe('prisma/schema.prisma', () => {
  it('describes what the migrations create, and Prisma recognises them as its own', async () => {
    const env = {
      ...process.env,
      CTFLEET_MIGRATION_DATABASE_URL: postgres.ownerUrl(await postgres.newDatabase()),
      CHECKPOINT_DISABLE: '1',
    };
    const prisma = (...args: string[]): string =>
      execFileSync(path.join(ROOT, 'node_modules/.bin/prisma'), args, {
        cwd: ROOT,
        env,
        encoding: 'utf8',
        stdio: ['ignore', 'pipe', 'ignore'],
      });
    expect(prisma('migrate', 'diff', '--from-config-datasource', '--to-schema', 'prisma/schema.prisma', '--exit-code')).toContain(
      'No difference detected',
    );
    expect(prisma('migrate', 'status')).toContain('up to date');
  });
});

describe('docs/api/openapi.json', () => {
  it('matches the current routes (to rewrite it: node tools/openapi.ts)', () => {
    expect(JSON.parse(readFileSync(path.join(ROOT, 'docs/api/openapi.json'), 'utf8'))).toEqual(
      JSON.parse(JSON.stringify(openApiDocument())),
    );
  });
});
