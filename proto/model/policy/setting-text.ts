import { formatDuration } from '../duration.ts';
import { SWITCHES, timeoutKeyOf } from './settings.ts';

/** The place of a setting in a document, or among the settings that modes need: `timeouts.tcp.established`, `table.max`, `modes.loose`. */
export function pathOfSetting(setting: string): string {
  const key = timeoutKeyOf(setting);
  return SWITCHES.find((one) => one.setting === setting)?.path ?? (key ? `timeouts.${key}` : setting);
}

/** A number below /proc/sys/net/netfilter as a document has it: `1h`, `262144`, `true`, `auto`. */
export function textOfSetting(setting: string, value: number): string {
  const path = pathOfSetting(setting);
  if (path.startsWith('timeouts.') && value >= 0) return formatDuration(value);
  if (path.startsWith('table.')) return String(value);
  if (path === 'events' && value === 2) return 'auto';
  return value === 0 ? 'false' : value === 1 ? 'true' : String(value);
}
