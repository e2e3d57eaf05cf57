import { accessSync, constants, readdirSync, readFileSync, statSync } from 'node:fs';
import { SWITCHES, timeoutKeyOf } from '../../../proto/model/policy/settings.ts';

const DIRECTORY = '/proc/sys/net/netfilter';
/** The kernel has about 60 such files; whoever has more of them has something else. */
const MAX_SETTINGS = 200;
const SWITCH_FILES: ReadonlySet<string> = new Set(SWITCHES.map(({ setting }) => setting));
/** What any of them may hold: in the kernel they are int, unsigned int or u8. */
const WHOLE = /^-?\d{1,10}$/;

export interface ReadSettings {
  settings: Record<string, number>;
  unsettable: Record<string, string>;
  unread: string[];
}

/** Every timeout and switch that this kernel offers, and why it cannot be set here. Blocks for a millisecond. */
export function readSettings(directory = DIRECTORY): ReadSettings {
  const found: ReadSettings = { settings: {}, unsettable: {}, unread: [] };
  const names = namesIn(directory);
  if (!names) return { ...found, unread: [`${directory} cannot be read: nf_conntrack is not loaded here.`] };
  const wanted = names.filter((name) => SWITCH_FILES.has(name) || timeoutKeyOf(name) !== undefined).toSorted();
  for (const name of wanted.slice(0, MAX_SETTINGS)) {
    const value = wholeIn(`${directory}/${name}`);
    if (typeof value === 'string') {
      found.unread.push(`${name} cannot be read: ${value}.`);
      continue;
    }
    found.settings[name] = value;
    const why = whyUnsettable(`${directory}/${name}`);
    if (why !== undefined) found.unsettable[name] = why;
  }
  if (wanted.length > MAX_SETTINGS) found.unread.push(`${wanted.length - MAX_SETTINGS} more settings were left out.`);
  return found;
}

function namesIn(directory: string): string[] | undefined {
  try {
    return readdirSync(directory);
  } catch {
    return undefined;
  }
}

/** The number in a file, or why there is none. */
function wholeIn(file: string): number | string {
  try {
    const text = readFileSync(file, 'latin1').trim();
    return WHOLE.test(text) ? Number(text) : 'it holds no whole number';
  } catch (error) {
    return (error as NodeJS.ErrnoException).code ?? String(error);
  }
}

/** Outside the initial network namespace the kernel gives the files of what is one for the whole machine mode 0444. */
function whyUnsettable(file: string): string | undefined {
  try {
    if ((statSync(file).mode & 0o222) === 0)
      return 'it is one value for the whole machine, and this gateway runs in a network namespace of its own: set it on the host.';
    accessSync(file, constants.W_OK);
    return undefined;
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'EROFS') return '/proc/sys is mounted read-only, as in most containers: mount it writable, or set it on the host.';
    if (code === 'EACCES' || code === 'EPERM') return 'the agent may not write it: run it as root, with CAP_NET_ADMIN.';
    return `it cannot be written (${code}).`;
  }
}
