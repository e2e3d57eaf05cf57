// npm run faults -- last-release [--commit C] [--only NAME]: the controller tests of the last release, with its code, on today's schema.
// Needs its commit, and the packages of today's lock file. It rewrites test/fixtures/last-release.json, which `npm test` tries on each schema.
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { ROOT } from '../../tools/set-up.ts';
import { buildRelease, LAST_RELEASE } from './release.ts';
import { normalise } from './statements.ts';

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
  mkdirSync(statements);
  console.log(`migrations that ${values.commit} does not know: ${buildRelease(values.commit, source).join(', ')}`);
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
