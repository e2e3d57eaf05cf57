import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, renameSync, rmSync } from 'node:fs';
import path from 'node:path';
import { fail, say } from '../say.ts';
import { ROOT, STATE } from '../set-up.ts';

/** A machine that packages are made for: the words of Debian, npm and koffi for it, and the SHA-512 of its Node. */
export interface Platform {
  debian: 'amd64' | 'arm64';
  npm: 'x64' | 'arm64';
  /** Of the package that has the pinned Node, from the registry when it was pinned. */
  nodeIntegrity: string;
}

export const PLATFORMS: readonly Platform[] = [
  {
    debian: 'amd64',
    npm: 'x64',
    nodeIntegrity: 'sha512-3nULszZ5X0fciYpG0t6TrdApJzAn8+FlINP6OiMX7V8HrvpATPN936U1LlReOJriLRa4e8yEqQBYCnLyPNAs7Q==',
  },
  {
    debian: 'arm64',
    npm: 'arm64',
    nodeIntegrity: 'sha512-FpJRPEz2OvvTLfjIOlNGFY9JLPMKgl5m+d4oGYBLg24kJ1mmvN1Zl/HPJgF4HDaJ51ISev1l1cRZ/DM+keXW5g==',
  },
];

export const NODE_VERSION = readFileSync(path.join(ROOT, '.node-version'), 'utf8').trim();

/** The folder with Node for a platform: bin/node, LICENSE. */
export function nodeFor({ npm, nodeIntegrity }: Platform): string {
  return unpacked(`node-linux-${npm}`, NODE_VERSION, nodeIntegrity);
}

/** The folder with koffi's native part for a platform. */
export function nativeFor({ npm }: Platform): { name: string; folder: string; version: string } {
  const name = `@koromix/koffi-linux-${npm}`;
  const { packages } = JSON.parse(readFileSync(path.join(ROOT, 'package-lock.json'), 'utf8')) as {
    packages: Record<string, { version: string; integrity: string } | undefined>;
  };
  const locked = packages[`node_modules/${name}`] ?? fail(`package-lock.json does not have ${name}.`);
  return { name, folder: unpacked(name, locked.version, locked.integrity), version: locked.version };
}

/** Fetched once, and checked against its SHA-512 at each use: what lies in the folder goes to gateways. */
function unpacked(name: string, version: string, integrity: string): string {
  const cache = path.join(STATE, 'platforms');
  mkdirSync(cache, { recursive: true, mode: 0o700 });
  const file = path.join(cache, `${name.replace('@', '').replace('/', '-')}-${version}.tgz`);
  if (!existsSync(file)) {
    say(`fetching ${name} ${version}`);
    run('npm', ['pack', '--silent', '--ignore-scripts', '--pack-destination', cache, `${name}@${version}`]);
  }
  const found = `sha512-${createHash('sha512').update(readFileSync(file)).digest('base64')}`;
  if (found !== integrity) {
    rmSync(file);
    fail(`${name} ${version} is not what was pinned: ${found} instead of ${integrity}.`);
  }
  const folder = file.slice(0, -'.tgz'.length);
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(`${folder}.part`, { recursive: true });
  run('tar', ['-xzf', file, '-C', `${folder}.part`, '--strip-components=1', '--no-same-owner']);
  renameSync(`${folder}.part`, folder);
  return folder;
}

/** Runs a program to its end; fails with what it said. */
export function run(program: string, args: string[], options: { cwd?: string; env?: Record<string, string> } = {}): string {
  const { cwd = ROOT, env } = options;
  const { status, stdout, stderr, error } = spawnSync(program, args, { cwd, env: { ...process.env, ...env }, encoding: 'utf8' });
  if (error || status !== 0) fail(`${program} ${args[0] ?? ''} failed: ${error?.message ?? stderr}`);
  return stdout;
}
