import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { createInterface } from 'node:readline';
import type { ProcessGroup } from '../process-group.ts';

/** A guest that is silent for this long is stopped; with an emulated processor a check takes a minute, or several on a busy machine. */
const SILENCE_MS = 600_000;

export interface Boot {
  family: ProcessGroup;
  kernel: string;
  image: string;
  /** Raw, with ext4. */
  disk: string;
  /** From 1. */
  number: number;
  console: string;
  memoryMb: number;
  onLine: (line: string) => void;
}

/**
 * Boots a kernel without hardware virtualisation, and passes on the output of its checks. Resolves with their exit status. Throws with the
 * end of its console if it stops first.
 */
export async function boot({ family, kernel, image, disk, number, console, memoryMb, onLine }: Boot): Promise<number> {
  const child = family.spawn(
    'qemu-system-x86_64',
    [
      '-machine',
      'q35,accel=tcg',
      '-cpu',
      'max',
      '-m',
      String(memoryMb),
      '-smp',
      '1',
      '-kernel',
      kernel,
      '-initrd',
      image,
      '-drive',
      `file=${disk},format=raw,if=virtio`,
      '-no-reboot',
      '-display',
      'none',
      '-monitor',
      'none',
      '-nic',
      'none',
      '-append',
      // What the kernel does not know itself becomes a variable of the first program.
      `console=ttyS0 panic=-1 mitigations=off random.trust_cpu=on quiet ctfleet_boot=${number}`,
      '-serial',
      `file:${console}`,
      '-serial',
      'stdio',
    ],
    { stdio: ['ignore', 'pipe', 'inherit'] },
  );
  let status: number | undefined;
  const silence = setTimeout(() => child.kill('SIGKILL'), SILENCE_MS);
  createInterface({ input: child.stdout! }).on('line', (line) => {
    silence.refresh();
    const text = line.trim();
    const [, exit] = /^exit (\d+)$/.exec(text) ?? [];
    if (exit !== undefined) status = Number(exit);
    else if (text !== '') onLine(text);
  });
  await once(child, 'close');
  clearTimeout(silence);
  if (status === undefined)
    throw new Error(`the guest stopped before its checks finished; its console ended with:\n${readFileSync(console, 'utf8').slice(-2000)}`);
  return status;
}
