import koffi from 'koffi';
import { HOST_IS_LITTLE_ENDIAN } from './constants.ts';

const libc = koffi.load(null);
const getAffinity = libc.func('int sched_getaffinity(int, size_t, void *)');
const setAffinity = libc.func('int sched_setaffinity(int, size_t, const void *)');

/** 8,192 CPUs, the most that Linux can be built for. */
const MASK_BYTES = 1024;
const LONG_BYTES = koffi.sizeof('long');

/** The CPUs the calling thread may run on: bit 0 of byte 0 is CPU 0. Undefined if the kernel does not say. */
export function threadCpus(): Uint8Array | undefined {
  const mask = new Uint8Array(MASK_BYTES);
  return getAffinity(0, MASK_BYTES, mask) < 0 ? undefined : inBytes(mask);
}

/** Pins the calling thread, and no other, to these CPUs. False if the kernel refuses. */
export function keepThreadOn(mask: Uint8Array): boolean {
  return setAffinity(0, mask.length, inBytes(mask)) === 0;
}

/** Converts between bytes and cpu_set_t, which is made of longs in the host's order; the same works both ways. */
function inBytes(mask: Uint8Array): Uint8Array {
  if (HOST_IS_LITTLE_ENDIAN) return mask;
  const turned = mask.slice();
  for (let at = 0; at < turned.length; at += LONG_BYTES) turned.subarray(at, at + LONG_BYTES).reverse();
  return turned;
}
