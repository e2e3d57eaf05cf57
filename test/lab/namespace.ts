import { spawn, spawnSync, type ChildProcess, type StdioOptions } from 'node:child_process';

/** Runs a program to completion with the text on its standard input; throws with its standard error if it fails. */
export function run(command: string, args: string[], input = ''): string {
  const { status, stdout, stderr, error } = spawnSync(command, args, { input, encoding: 'utf8' });
  if (error) throw new Error(`${command} could not be started: ${error.message}`);
  if (status !== 0) throw new Error(`${command} ${args.join(' ')}: ${stderr.trim() || `exit ${status}`}`);
  return stdout;
}

/** Runs a program inside a namespace to completion. */
export function runIn(namespace: string, command: string, args: string[], input = ''): string {
  return run('ip', ['netns', 'exec', namespace, command, ...args], input);
}

/** Starts a program inside a namespace. `ip netns exec` replaces itself by it, so the child's pid is the program's. */
export function spawnIn(
  namespace: string,
  command: string,
  args: string[],
  options: { stdio?: StdioOptions; env?: NodeJS.ProcessEnv } = {},
): ChildProcess {
  return spawn('ip', ['netns', 'exec', namespace, command, ...args], {
    stdio: options.stdio ?? ['ignore', 'pipe', 'inherit'],
    env: options.env ?? process.env,
  });
}

/** Names of the namespaces that exist. */
export function listNamespaces(): string[] {
  return run('ip', ['netns', 'list'])
    .split('\n')
    .map((line) => line.split(' ')[0]!)
    .filter(Boolean);
}

export function deleteNamespaces(names: string[]): void {
  const existing = new Set(listNamespaces());
  for (const name of names) if (existing.has(name)) run('ip', ['netns', 'del', name]);
}
