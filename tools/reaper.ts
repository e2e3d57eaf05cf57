// Reads "pid N SIGNAL", "netns PREFIX" and "file PATH" from standard input; when it closes, ends and removes all of that, newest first. A
// pid leads a process group, and the whole group is ended.
import { existsSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { setTimeout as delay } from 'node:timers/promises';
import { spawnSync } from 'node:child_process';

/** All our programs exit sooner. */
const PATIENCE_MS = 5000;

const groups: { pid: number; signal: NodeJS.Signals; startedAt: string }[] = [];
const prefixes: string[] = [];
const files: string[] = [];
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => undefined);

for await (const line of createInterface({ input: process.stdin })) {
  const [kind, value = ''] = line.split(/ (.*)/s);
  if (kind === 'pid') {
    const [pid, signal] = value.split(' ') as [string, NodeJS.Signals];
    groups.unshift({ pid: Number(pid), signal, startedAt: statOf(Number(pid))?.startedAt ?? '' });
  }
  if (kind === 'netns') prefixes.push(value);
  if (kind === 'file') files.push(value);
}

for (const { pid, signal } of living()) {
  signalGroup(pid, signal);
  // A stopped process handles no signal but this one.
  signalGroup(pid, 'SIGCONT');
}
await untilGone();
for (const { pid } of living()) signalGroup(pid, 'SIGKILL');
await untilGone();
for (const prefix of prefixes) for (const name of namespacesOf(prefix)) spawnSync('ip', ['netns', 'del', name]);
for (const file of files) rmSync(file, { force: true });

async function untilGone(): Promise<void> {
  for (let waited = 0; living().length > 0 && waited < PATIENCE_MS; waited += 50) await delay(50);
}

/** Groups with a process that still runs; not those whose number was reused by another process. */
function living(): typeof groups {
  const alive = new Set<number>();
  for (const name of existsSync('/proc/self/stat') ? readdirSync('/proc') : []) {
    const stat = /^\d+$/.test(name) ? statOf(Number(name)) : undefined;
    if (stat && stat.state !== 'Z') alive.add(stat.group);
  }
  return groups.filter(({ pid, startedAt }) => {
    if (!existsSync('/proc/self/stat')) return isSignalled(pid);
    const leader = statOf(pid);
    return alive.has(pid) && (leader === undefined || leader.startedAt === startedAt);
  });
}

/** State, process group and start time from procfs; undefined if there is no such process or no procfs. */
function statOf(pid: number): { state: string; group: number; startedAt: string } | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    return { state: fields[0]!, group: Number(fields[2]), startedAt: fields[19]! };
  } catch {
    return undefined;
  }
}

function isSignalled(pid: number): boolean {
  try {
    return process.kill(-pid, 0);
  } catch {
    return false;
  }
}

function signalGroup(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(-pid, signal);
  } catch {
    // It exited by itself.
  }
}

function namespacesOf(prefix: string): string[] {
  const folder = '/run/netns';
  return existsSync(folder) ? readdirSync(folder).filter((name) => name.startsWith(`${prefix}-`)) : [];
}
