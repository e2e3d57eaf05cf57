import { readdirSync, readFileSync } from 'node:fs';
import { parseTimeouts, type Timeouts } from './timeouts.ts';

const DIRECTORY = '/proc/sys/net/netfilter';

/** Values may be changed by a policy or by hand at any time; a walk sees those of at most this long ago. */
const MAX_AGE_MS = 3_000;

/** The gateway's timeouts as its kernel has them now. Empty if conntrack is not there. */
export function readTimeouts(directory = DIRECTORY): Timeouts {
  try {
    const names = readdirSync(directory).filter((name) => name.includes('_timeout'));
    return parseTimeouts(names.map((name) => [name, readFileSync(`${directory}/${name}`, 'utf8')] as const));
  } catch {
    return {};
  }
}

/** A reader that asks the kernel again only after a few seconds. */
export function recentTimeouts(clock: () => number, read: () => Timeouts = readTimeouts): () => Timeouts {
  let timeouts: Timeouts | undefined;
  let readAtMs = 0;
  return () => {
    const now = clock();
    if (!timeouts || now - readAtMs > MAX_AGE_MS || now < readAtMs) [timeouts, readAtMs] = [read(), now];
    return timeouts;
  };
}
