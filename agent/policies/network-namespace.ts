import { readlinkSync } from 'node:fs';

/** The network namespace of the calling thread, as /proc names it; `pid`: that of another process, undefined if it may not be seen. */
export function networkNamespace(): string {
  return readlinkSync('/proc/thread-self/ns/net');
}

export function networkNamespaceOf(pid: number): string | undefined {
  try {
    return readlinkSync(`/proc/${pid}/ns/net`);
  } catch {
    return undefined;
  }
}
