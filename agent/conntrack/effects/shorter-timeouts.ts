import { timeoutEntries, timeoutKeyOf, type TimeoutKey } from '../../../proto/model/policy/settings.ts';
import { HELPERS_WITH_TIMES } from '../idle/idle.ts';
import { fullTimeouts, parseTimeouts, type TimeoutFacts } from '../proc/timeouts.ts';
import { NO_TIMEOUT, type Columns } from '../rows/columns.ts';
import { stateText } from '../wire/states.ts';
import { effectOn, NONE, type Deciders, type UNTOLD } from './deciders.ts';
import type { Regime } from '../effects-ask.ts';

/** A flow’s timeout becomes shorter: by which value, and in seconds. */
export interface Shorter {
  path: string;
  from: number;
  to: number;
}

const NO_RULE = { seconds: Infinity, object: '' };

/**
 * Which rows get a shorter timeout with their next packet; undefined for those that do not, UNTOLD where it cannot be known. A rule’s idle
 * timeout is of the flows that began under it: the kernel gives it to no other, and takes it back with the object.
 */
export function shorterTimeouts(
  columns: Columns,
  { before, after }: { before: Regime; after: Regime },
  deciders: Deciders,
): ((row: number) => Shorter | typeof UNTOLD | undefined) | undefined {
  const kept = new Set(after.idle.map(({ object }) => object));
  const shortened = shortenedSettings(before.settings, after.settings);
  if (shortened.length === 0 && before.idle.every(({ object }) => kept.has(object))) return undefined;
  const bySetting = settingKinds(columns, before.settings, after.settings, shortened);
  const idleRule = deciders.of(before.idle);
  const { timeout } = columns.common;
  return (row) => {
    const { is, becomes, path } = bySetting(row);
    if (is === undefined || becomes === undefined) return undefined;
    const remaining = timeout[row]! === NO_TIMEOUT ? 0 : timeout[row]!;
    return effectOn(row, idleRule, idleRule, (index): Shorter | undefined => {
      const { seconds, object } = before.idle[index] ?? NO_RULE;
      // What has longer to go than the rule says began before it.
      const isOfRule = index !== NONE && remaining <= seconds;
      if (isOfRule)
        return kept.has(object) || becomes >= seconds ? undefined : { path: before.idle[index]!.path, from: seconds, to: becomes };
      return path !== undefined && becomes < is ? { path, from: is, to: becomes } : undefined;
    });
  };
}

interface Kind {
  is?: number;
  becomes?: number;
  path?: string;
}

/** By the gateway’s own timeouts. As far as they go, a table of a million rows has a few dozen kinds of row. */
function settingKinds(
  { common: { proto, state, status, tcpFlags }, rare: { helper }, helpers }: Columns,
  before: Regime['settings'],
  after: Regime['settings'],
  shortened: readonly Shortened[],
): (row: number) => Kind {
  const [old, next] = [before, after].map((settings) =>
    parseTimeouts(Object.entries(settings).map(([name, value]) => [name, String(value)])),
  ) as [Timeouts, Timeouts];
  const kinds = new Map<number, Kind>();
  return (row) => {
    const helperIndex = helper && helper[row]! >= 0 ? helper[row]! : -1;
    if (helperIndex >= 0 && HELPERS_WITH_TIMES.has(helpers[helperIndex]!)) return {};
    const key = ((proto[row]! * 0x1_0000 + (status[row]! & 0xffff)) * 0x400 + state[row]!) * 0x100 + tcpFlags[row]!;
    let kind = kinds.get(key);
    if (!kind) {
      const facts: TimeoutFacts = {
        proto: proto[row]!,
        state: stateText(state[row]!),
        status: status[row]!,
        tcpFlags: tcpFlags[row]!,
      };
      kind = kindOf(facts, old, next, shortened);
      kinds.set(key, kind);
    }
    return kind;
  };
}

type Timeouts = ReturnType<typeof parseTimeouts>;

interface Shortened {
  setting: string;
  key: TimeoutKey;
  from: number;
  to: number;
}

function kindOf(facts: TimeoutFacts, old: Timeouts, next: Timeouts, shortened: readonly Shortened[]): Kind {
  const [[is], [becomes]] = [fullTimeouts(facts, old), fullTimeouts(facts, next)];
  // The setting that does it is the one without whose change nothing would.
  const by = shortened.find(({ setting, from }) => {
    const [without] = fullTimeouts(facts, { ...next, ...parseTimeouts([[setting, String(from)]]) });
    return without !== undefined && becomes !== undefined && without > becomes;
  });
  return { is, becomes, ...(by && { path: `timeouts.${by.key}` }) };
}

function shortenedSettings(before: Regime['settings'], after: Regime['settings']): Shortened[] {
  const keys = Object.fromEntries(
    Object.entries(after).flatMap(([setting, to]) => {
      const key = timeoutKeyOf(setting);
      const from = before[setting];
      return key !== undefined && from !== undefined && to < from ? [[key, { setting, key, from, to }] as const] : [];
    }),
  ) as Partial<Record<TimeoutKey, Shortened>>;
  // In the order of the catalogue.
  return timeoutEntries(Object.fromEntries(Object.keys(keys).map((key) => [key, 0]))).map(([key]) => keys[key]!);
}
