import { chmodSync, mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { formatContexts, parseContexts, type Contexts } from './context.ts';

type Env = Readonly<Record<string, string | undefined>>;

/** Where contexts are kept: the user's configuration directory, by the XDG base directory specification. */
export function contextFile({ XDG_CONFIG_HOME: configured, HOME: home }: Env): string {
  // The specification has relative paths ignored.
  const base = configured && path.isAbsolute(configured) ? configured : path.join(home || os.homedir(), '.config');
  return path.join(base, 'ctfleet', 'contexts.json');
}

/** The saved contexts; none if nobody has signed in. Throws UsageError for a damaged file. */
export function readContexts(env: Env): Contexts {
  const file = contextFile(env);
  try {
    return parseContexts(readFileSync(file, 'utf8'), file);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return { contexts: {} };
    throw error;
  }
}

/** Replaces the file as a whole; only its owner can read it, from the first byte. */
export function writeContexts(env: Env, contexts: Contexts): void {
  const file = contextFile(env);
  mkdirSync(path.dirname(file), { recursive: true, mode: 0o700 });
  const next = `${file}.${process.pid}`;
  writeFileSync(next, formatContexts(contexts), { mode: 0o600 });
  chmodSync(next, 0o600);
  renameSync(next, file);
}
