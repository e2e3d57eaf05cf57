import { aboutTimeout, KNOWN_TIMEOUT_KEYS, settingOf, SWITCHES, timeoutKeyOf, type SwitchPath } from './settings.ts';

/** What a number below /proc/sys/net/netfilter counts; a switch is 0 or 1, and for events also 2. */
export const SETTING_UNITS = ['seconds', 'entries', 'buckets', 'switch'] as const;
export type SettingUnit = (typeof SETTING_UNITS)[number];

/** A setting of a gateway with what is known about it. */
export interface ListedSetting {
  /** Its place in a document: `timeouts.tcp.established`, `table.max`. */
  path: string;
  /** The kernel's file name. */
  setting: string;
  value: number;
  unit: SettingUnit;
  /** In Linux 6.18; absent where it depends on the machine, or is not known. */
  defaultValue?: number;
  /** Why it cannot be set there. */
  unsettable?: string;
}

/** Of Linux 6.18, without the sizes of the table: these follow from the machine's memory. */
export const SWITCH_DEFAULTS: Partial<Record<SwitchPath, number>> = {
  accounting: 0,
  timestamps: 0,
  events: 2,
  'modes.loose': 1,
  'modes.liberal': 0,
  'modes.checksum': 1,
};

const SIZES: Partial<Record<SwitchPath, SettingUnit>> = { 'table.max': 'entries', 'table.buckets': 'buckets' };
const TIMEOUT_RANKS = new Map(KNOWN_TIMEOUT_KEYS.map((key, rank) => [settingOf(key), rank]));

/** The settings of a gateway that policies know: sizes and switches first, then timeouts in the order of the catalogue, others by name. */
export function listSettings(settings: Readonly<Record<string, number>>, unsettable: Readonly<Record<string, string>>): ListedSetting[] {
  const switches = SWITCHES.map(({ path, setting }) => ({
    path,
    setting,
    unit: SIZES[path] ?? 'switch',
    defaultValue: SWITCH_DEFAULTS[path],
  }));
  const rank = (name: string): number => TIMEOUT_RANKS.get(name) ?? TIMEOUT_RANKS.size;
  const timeouts = Object.keys(settings)
    .flatMap((setting) => {
      const key = timeoutKeyOf(setting);
      const unit: SettingUnit = 'seconds';
      return key ? [{ path: `timeouts.${key}`, setting, unit, defaultValue: aboutTimeout(key)?.defaultSeconds }] : [];
    })
    .toSorted((a, b) => rank(a.setting) - rank(b.setting) || (a.setting < b.setting ? -1 : 1));
  return [...switches, ...timeouts].flatMap(({ defaultValue, ...one }) => {
    const value = settings[one.setting];
    if (value === undefined) return [];
    const why = unsettable[one.setting];
    return [{ ...one, value, ...(defaultValue !== undefined && { defaultValue }), ...(why !== undefined && { unsettable: why }) }];
  });
}
