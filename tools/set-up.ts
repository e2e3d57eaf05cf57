import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { cpSync, existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { fail, say } from './say.ts';

export const ROOT = path.resolve(import.meta.dirname, '..');
export const STATE = path.join(ROOT, '.ctfleet');

/**
 * One thing to build from sources; repeated only when one of them changed. `removes`: a folder that is built from scratch, so that outputs
 * without a source do not remain.
 */
interface Step {
  name: string;
  sources: string[];
  makes: string;
  removes?: string;
  commands: [string, ...string[]][];
  cwd?: string;
  after?: () => void;
}

const generateProto: Step = {
  name: 'proto',
  sources: ['proto/ctfleet', 'proto/buf.yaml', 'proto/buf.gen.yaml', 'package-lock.json'],
  makes: 'proto/gen',
  commands: [['buf', 'generate']],
  cwd: 'proto',
};
const generatePrisma: Step = {
  name: 'database client',
  sources: ['prisma/schema.prisma', 'package-lock.json'],
  makes: 'controller/generated/prisma',
  commands: [['prisma', 'generate']],
};
export const buildPrograms: Step = {
  name: 'controller and agent',
  sources: ['proto', 'agent', 'controller', 'tsconfig.json', 'tsconfig.base.json', 'package-lock.json'],
  makes: 'build/controller/main.js',
  removes: 'build',
  commands: [['tsc', '-b']],
};
export const buildConsole: Step = {
  name: 'console',
  sources: ['web', 'client', 'proto', 'package-lock.json'],
  makes: 'web/.next/standalone/web/server.js',
  commands: [['next', 'build', 'web']],
  after: () => {
    cpSync(path.join(ROOT, 'web/.next/static'), path.join(ROOT, 'web/.next/standalone/web/.next/static'), { recursive: true });
    if (existsSync(path.join(ROOT, 'web/public')))
      cpSync(path.join(ROOT, 'web/public'), path.join(ROOT, 'web/.next/standalone/web/public'), { recursive: true });
  },
};

/** Generates code from the contract and the database schema. */
export async function generate(): Promise<void> {
  await Promise.all([make(generateProto), make(generatePrisma)]);
}

/** Builds everything that runs: controller, agent and console. */
export async function build({ console: withConsole = true } = {}): Promise<void> {
  await generate();
  await make(buildPrograms);
  if (withConsole) await make(buildConsole);
}

async function make(step: Step): Promise<void> {
  const stamp = path.join(STATE, 'stamps', step.name.replaceAll(' ', '-'));
  const wanted = hashOf(step.sources);
  if (existsSync(path.join(ROOT, step.makes)) && existsSync(stamp) && readFileSync(stamp, 'utf8') === wanted) return;
  say(`making ${step.name}`);
  rmSync(stamp, { force: true });
  if (step.removes !== undefined) rmSync(path.join(ROOT, step.removes), { recursive: true, force: true });
  for (const command of step.commands) await runStep(step, command);
  step.after?.();
  mkdirSync(path.dirname(stamp), { recursive: true, mode: 0o700 });
  writeFileSync(stamp, wanted);
}

/** Runs one command, and shows its output only if it fails. */
function runStep({ name, cwd }: Step, [command, ...args]: [string, ...string[]]): Promise<void> {
  return new Promise((resolve) => {
    const child = spawn(path.join(ROOT, 'node_modules/.bin', command), args, {
      cwd: path.join(ROOT, cwd ?? '.'),
      stdio: ['ignore', 'pipe', 'pipe'],
      env: {
        ...process.env,
        NEXT_TELEMETRY_DISABLED: '1',
        CHECKPOINT_DISABLE: '1',
        NODE_ENV: command === 'next' ? 'production' : process.env.NODE_ENV,
      },
    });
    let output = '';
    child.stdout.on('data', (text: Buffer) => (output += text.toString()));
    child.stderr.on('data', (text: Buffer) => (output += text.toString()));
    child.on('error', (error) => fail(`${command} could not be started: ${error.message}`));
    child.on('exit', (code) => (code === 0 ? resolve() : fail(`${name} could not be built (${command} exited with ${code}):\n${output}`)));
  });
}

/** A hash over the names and contents of files, ignoring their times. Generated, built and test files do not count. */
function hashOf(sources: string[]): string {
  const hash = createHash('sha256');
  for (const source of sources) visit(path.join(ROOT, source));
  return hash.digest('hex');

  function visit(place: string): void {
    if (!existsSync(place)) return;
    const name = path.basename(place);
    if (
      ['node_modules', '.next', 'gen', 'generated', 'next-env.d.ts'].includes(name) ||
      name.endsWith('.test.ts') ||
      name.endsWith('.tsbuildinfo')
    )
      return;
    let entries: string[];
    try {
      entries = readdirSync(place).sort();
    } catch {
      hash.update(path.relative(ROOT, place)).update('\0').update(readFileSync(place)).update('\0');
      return;
    }
    for (const entry of entries) visit(path.join(place, entry));
  }
}
