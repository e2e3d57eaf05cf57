// npm run faults -- last-release [--commit C] [--only NAME]: the controller tests of the last release, with its code, on today's schema.
// Needs its commit, and the packages of today's lock file. It rewrites test/fixtures/last-release.json, which `npm test` tries on each schema.
import { execFileSync, spawnSync } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { ROOT } from '../../tools/set-up.ts';
import { normalise } from './statements.ts';

/** The last state before the schema of this one: two migrations less. */
const LAST_RELEASE = '4cd59d87';
/** They compare the schema with what their release knew of it; a newer one has more. */
const OF_THE_SCHEMA_ITSELF = ['have a column for each measure in all three tables, and no other', 'describes what the migrations create'];
const FIXTURE = path.join(ROOT, 'test/fixtures/last-release.json');
const { values } = parseArgs({ options: { commit: { type: 'string', default: LAST_RELEASE }, only: { type: 'string' } } });

const folder = mkdtempSync(path.join(os.tmpdir(), 'ctfleet-last-release-'));
try {
  process.exitCode = play(path.join(folder, 'source'), path.join(folder, 'statements'));
} finally {
  rmSync(folder, { recursive: true, force: true });
}

function play(source: string, statements: string): number {
  for (const place of [source, statements]) mkdirSync(place);
  execFileSync('tar', ['-x', '-C', source], { input: archive() });
  symlinkSync(path.join(ROOT, 'node_modules'), path.join(source, 'node_modules'));
  const migrations = path.join(source, 'prisma/migrations');
  const theirs = readdirSync(migrations);
  rmSync(migrations, { recursive: true });
  cpSync(path.join(ROOT, 'prisma/migrations'), migrations, { recursive: true });
  console.log(
    `migrations that ${values.commit} does not know: ${readdirSync(migrations)
      .filter((name) => !theirs.includes(name))
      .join(', ')}`,
  );
  execFileSync('buf', ['generate'], { cwd: path.join(source, 'proto'), stdio: ['ignore', 2, 2] });
  execFileSync('prisma', ['generate'], { cwd: source, stdio: ['ignore', 2, 2] });
  execFileSync('tsc', ['-b', 'controller', 'agent'], { cwd: source, stdio: ['ignore', 2, 2] });
  const only = values.only === undefined ? [] : [values.only];
  const { status } = spawnSync(
    'vitest',
    ['run', '--project', 'controller', '--testNamePattern', `^(?!.*(${OF_THE_SCHEMA_ITSELF.join('|')}))`, ...only],
    {
      cwd: source,
      stdio: 'inherit',
      env: {
        ...process.env,
        CTFLEET_STATEMENTS: statements,
        NODE_OPTIONS: `--import ${path.join(import.meta.dirname, 'record-statements.ts')}`,
      },
    },
  );
  keep(statements);
  return status ?? 1;
}

function archive(): Buffer {
  try {
    return execFileSync('git', ['archive', values.commit], { cwd: ROOT, maxBuffer: 1 << 30 });
  } catch (cause) {
    throw new Error(`This clone does not have ${values.commit}: git fetch --unshallow`, { cause });
  }
}

/** Adds to what is known of the same commit: not every run comes to every statement, such as those that follow a failure. */
function keep(folder: string): void {
  const known = existsSync(FIXTURE) ? (JSON.parse(readFileSync(FIXTURE, 'utf8')) as { commit: string; statements: string[] }) : undefined;
  const lines = readdirSync(folder).flatMap((name) => readFileSync(path.join(folder, name), 'utf8').trim().split('\n'));
  const texts = new Set(known?.commit === values.commit ? known.statements : []);
  for (const line of lines) {
    const text = normalise(JSON.parse(line) as string);
    if (text !== undefined) texts.add(text);
  }
  writeFileSync(FIXTURE, `${JSON.stringify({ commit: values.commit, statements: [...texts].toSorted() }, undefined, 1)}\n`);
  console.log(`${texts.size} statements are kept in ${path.relative(ROOT, FIXTURE)}`);
}
