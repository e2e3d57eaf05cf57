import { readdirSync, readFileSync } from 'node:fs';
import { parseTimeouts, type Timeouts } from './timeouts.ts';

const DIRECTORY = '/proc/sys/net/netfilter';

/** The kernel's current timeouts. Empty if conntrack is not loaded. */
export function readTimeouts(directory = DIRECTORY): Timeouts {
  try {
    const names = readdirSync(directory).filter((name) => name.includes('_timeout'));
    return parseTimeouts(names.map((name) => [name, readFileSync(`${directory}/${name}`, 'utf8')] as const));
  } catch {
    return {};
  }
}
