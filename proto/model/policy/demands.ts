import type { Mode, PolicyValues } from './document.ts';
import { rulePath } from './effective.ts';
import { settingOf, timeoutEntries } from './settings.ts';

/** A number that the policy wants below /proc/sys/net/netfilter, and the path of the value that it follows from. */
export interface WantedSetting {
  setting: string;
  path: string;
  to: number;
}

/** What a mode needs of the whole gateway, beside the rule itself. */
const OF_MODE: Partial<Record<Mode, readonly Omit<WantedSetting, 'path'>[]>> = {
  loose: [{ setting: 'nf_conntrack_tcp_loose', to: 1 }],
  strict: [
    { setting: 'nf_conntrack_tcp_be_liberal', to: 0 },
    { setting: 'nf_conntrack_checksum', to: 1 },
  ],
};

/** What the kernel must be set to for a rule of this mode. */
export function demandsOfMode(mode: Mode | undefined): readonly Omit<WantedSetting, 'path'>[] {
  return (mode && OF_MODE[mode]) ?? [];
}

/** All settings that the policy wants, each once: the values that it gives, and what the modes of its rules need. */
export function wantedSettings({ table, timeouts, accounting, timestamps, events, rules }: PolicyValues): WantedSetting[] {
  const wanted: WantedSetting[] = [];
  const want = (path: string, setting: string, to: number | undefined): void => {
    if (to !== undefined && !wanted.some((one) => one.setting === setting)) wanted.push({ setting, path, to });
  };
  want('table.max', 'nf_conntrack_max', table.max);
  want('table.buckets', 'nf_conntrack_buckets', table.buckets);
  for (const [key, seconds] of timeoutEntries(timeouts)) want(`timeouts.${key}`, settingOf(key), seconds);
  want('accounting', 'nf_conntrack_acct', accounting === undefined ? undefined : Number(accounting));
  want('timestamps', 'nf_conntrack_timestamp', timestamps === undefined ? undefined : Number(timestamps));
  want('events', 'nf_conntrack_events', events === 'auto' ? 2 : events === undefined ? undefined : Number(events));
  for (const { name, mode } of rules) for (const { setting, to } of demandsOfMode(mode)) want(rulePath(name), setting, to);
  return wanted;
}
