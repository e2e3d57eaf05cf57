import { TIMEOUTS, type TimeoutSetting } from './timeouts.ts';

export type KnownTimeoutKey = keyof typeof TIMEOUTS;
/** A timeout that this catalogue does not know, by the kernel's own name: `other.nf_conntrack_quic_timeout`. */
export type OtherTimeoutKey = `other.${string}`;
export type TimeoutKey = KnownTimeoutKey | OtherTimeoutKey;

export const KNOWN_TIMEOUT_KEYS = Object.keys(TIMEOUTS) as readonly KnownTimeoutKey[];

const OTHER = 'other.';
/** Of a file that holds a timeout of conntrack. */
const OTHER_TIMEOUT = /^nf_conntrack_(?=[a-z0-9_]*timeout)[a-z0-9_]{1,60}$/;
const KEY_OF = new Map<string, KnownTimeoutKey>(KNOWN_TIMEOUT_KEYS.map((key) => [TIMEOUTS[key].setting, key]));

/** The key of a file below /proc/sys/net/netfilter; undefined if that is not a timeout. */
export function timeoutKeyOf(setting: string): TimeoutKey | undefined {
  return KEY_OF.get(setting) ?? (OTHER_TIMEOUT.test(setting) ? `${OTHER}${setting}` : undefined);
}

/** The file of a key. Pairs with `timeoutKeyOf`. */
export function settingOf(key: TimeoutKey): string {
  return isKnown(key) ? TIMEOUTS[key].setting : key.slice(OTHER.length);
}

/** What is known about a timeout; undefined for one by the kernel's own name. */
export function aboutTimeout(key: TimeoutKey): TimeoutSetting | undefined {
  return isKnown(key) ? TIMEOUTS[key] : undefined;
}

/** True if a document may name it: a key of the catalogue, or `other.` with the file of a timeout that is not in it. */
export function isTimeoutKey(key: string): key is TimeoutKey {
  return isKnown(key) || (key.startsWith(OTHER) && timeoutKeyOf(key.slice(OTHER.length)) === key);
}

/** In the order of the catalogue, and then by name. */
export function timeoutEntries(timeouts: Partial<Record<TimeoutKey, number>>): [key: TimeoutKey, seconds: number][] {
  const others = Object.keys(timeouts)
    .filter((key): key is TimeoutKey => isTimeoutKey(key) && !isKnown(key))
    .toSorted();
  return [...KNOWN_TIMEOUT_KEYS, ...others].flatMap((key) => {
    const seconds = timeouts[key];
    return seconds === undefined ? [] : [[key, seconds] as [TimeoutKey, number]];
  });
}

function isKnown(key: string): key is KnownTimeoutKey {
  return Object.hasOwn(TIMEOUTS, key);
}

/** What is set beside the timeouts. `path`: its place in the document; the last three follow from the modes of rules (`demands.ts`). */
export const SWITCHES = [
  {
    path: 'table.max',
    setting: 'nf_conntrack_max',
    help: 'Entries that the table holds. When it is full, new connections are dropped without a word, and only the kernel’s log tells.',
  },
  {
    path: 'table.buckets',
    setting: 'nf_conntrack_buckets',
    help:
      'Hash chains, from a quarter of max to max. With many more than entries, a full table finds nothing to drop early; with ' +
      'few, every packet searches longer.',
  },
  {
    path: 'accounting',
    setting: 'nf_conntrack_acct',
    help: 'Counts packets and bytes of connections that begin from now on.',
  },
  {
    path: 'timestamps',
    setting: 'nf_conntrack_timestamp',
    help:
      'Keeps when a connection began, for those that begin from now on. Without it, a connection cannot be told from a later one ' +
      'with the same id.',
  },
  {
    path: 'events',
    setting: 'nf_conntrack_events',
    help: 'Tells programs about connections as they begin and end: always, or only those that began while somebody listened (auto).',
  },
  {
    path: 'modes.loose',
    setting: 'nf_conntrack_tcp_loose',
    help:
      'TCP connections may be joined in the middle. Rules of mode loose need it; those of mode normal and strict refuse it for ' +
      'themselves.',
  },
  {
    path: 'modes.liberal',
    setting: 'nf_conntrack_tcp_be_liberal',
    help: 'TCP packets outside the window are taken for valid. Rules of mode strict need this to be off, for the whole gateway.',
  },
  {
    path: 'modes.checksum',
    setting: 'nf_conntrack_checksum',
    help: 'Packets with a wrong checksum are invalid. Rules of mode strict need it, for the whole gateway.',
  },
] as const;
export type SwitchPath = (typeof SWITCHES)[number]['path'];
