import { parentPort, workerData } from 'node:worker_threads';
import koffi from 'koffi';

/**
 * A thread of the highest priority class on one CPU, which keeps waking up: it is late by as long as the kernel lets nothing else run
 * there.
 */
const SCHED_FIFO = 1;
const PRIORITY = 50;
const NAP_MS = 0.2;

const { cpu, memory } = workerData as { cpu: number; memory: SharedArrayBuffer };
const flags = new Int32Array(memory);
const libc = koffi.load(null);
const setAffinity = libc.func('int sched_setaffinity(int, unsigned long, const void *)');
const setScheduler = libc.func('int sched_setscheduler(int, int, const void *)');

const mask = new Uint8Array(128);
mask[cpu >> 3] = 1 << (cpu & 7);
const isReady = setAffinity(0, mask.length, mask) === 0 && setScheduler(0, SCHED_FIFO, Int32Array.of(PRIORITY)) === 0;
parentPort!.postMessage({ isReady });
let longestMs = 0;
while (isReady && Atomics.load(flags, 0) === 0) {
  const began = performance.now();
  Atomics.wait(flags, 1, 0, NAP_MS);
  longestMs = Math.max(longestMs, performance.now() - began - NAP_MS);
  if (Atomics.exchange(flags, 2, 0) === 1) longestMs = 0;
  // In microseconds, for whoever reads it.
  Atomics.store(flags, 3, Math.round(longestMs * 1000));
}
