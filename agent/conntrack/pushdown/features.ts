import { Worker } from 'node:worker_threads';
import type { KernelFeature } from './kernel-filter.ts';

let found: Promise<ReadonlySet<KernelFeature>> | undefined;

/** What the kernel was seen to filter by itself; tried once in the life of the process. Nothing where no scratch namespace can be made. */
export function kernelFeatures(): Promise<ReadonlySet<KernelFeature>> {
  return (found ??= probe());
}

function probe(): Promise<ReadonlySet<KernelFeature>> {
  // Run from source the worker is TypeScript too; run from build it is not.
  const file = new URL(import.meta.url.endsWith('.ts') ? './probe-worker.ts' : './probe-worker.js', import.meta.url);
  return new Promise((resolve) => {
    const worker = new Worker(file, { trackUnmanagedFds: false });
    worker.once('message', (features: KernelFeature[]) => resolve(new Set(features)));
    worker.once('error', () => resolve(new Set()));
    worker.once('exit', () => resolve(new Set()));
  });
}
