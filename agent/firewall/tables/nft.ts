import { spawn } from 'node:child_process';
import { FleetError } from '../../../proto/model/error-codes.ts';

/** It takes milliseconds; a large table on a busy machine, a second. */
const MAX_RUN_MS = 30_000;

/** Pids of those that were started last; the kernel gives a number to another process only after all others. */
const MAX_OWN = 256;
const own = new Set<number>();

/** True for this process and an nft that it started lately, as long as all are in one pid namespace. */
export function isOwnChanger(pid: number): boolean {
  return pid === process.pid || own.has(pid);
}

function remember(pid: number | undefined): void {
  if (pid === undefined) return;
  own.delete(pid);
  own.add(pid);
  if (own.size > MAX_OWN) own.delete(own.values().next().value!);
}

/**
 * Runs nft, all or nothing, with fixed arguments and no shell. Throws CAPABILITY_MISSING with the cure.
 * @param missing what is not possible where it fails
 */
export function nft(args: readonly string[], commands = '', missing = 'Packets cannot be refused here'): Promise<string> {
  return new Promise((resolve, reject) => {
    const refused = (why: string, cause?: unknown): void =>
      reject(
        new FleetError('CAPABILITY_MISSING', `${missing}: ${why}. Install nftables, and give the agent CAP_NET_ADMIN.`, {}, { cause }),
      );
    const child = spawn('nft', args, {
      stdio: ['pipe', 'pipe', 'pipe'],
      env: { ...process.env, LC_ALL: 'C' },
      timeout: MAX_RUN_MS,
      killSignal: 'SIGKILL',
    });
    remember(child.pid);
    let [out, said] = ['', ''];
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      out += text;
    });
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      said += text;
    });
    child.once('error', (error) => refused(error.message === 'spawn nft ENOENT' ? 'nft is not there' : error.message, error));
    child.once('close', (code) => (code === 0 ? resolve(out) : refused(said.split('\n')[0] || `nft ended with ${code ?? 'a signal'}`)));
    child.stdin.on('error', () => undefined).end(commands);
  });
}

/** What `nft -j -n list table` says of a table, with the flag -t without what its sets hold; undefined if it is not there. */
export async function listTable(table: string, flags: readonly string[] = [], missing?: string): Promise<string | undefined> {
  try {
    return await nft(['-j', '-n', ...flags, 'list', 'table', ...table.split(' ')], '', missing);
  } catch (error) {
    if (error instanceof FleetError && error.message.includes('No such file or directory')) return undefined;
    throw error;
  }
}
