import type { ActualPolicyView, TrackingExplanationView } from '../../proto/http/policies.ts';
import { aboutTimeout, isTimeoutKey, SWITCHES } from '../../proto/model/policy/settings.ts';
import type { RuleEnd, RulePlace, TrackingSaying } from '../../proto/model/policy/foreign-tracking.ts';
import type { ListedSetting } from '../../proto/model/policy/setting-list.ts';
import type { HelperState } from '../../proto/model/policy/gateway-reading.ts';
import { count, counted, setTo } from './format.ts';
import type { StateKind } from './state-kind.ts';

const SWITCHED = ['off', 'on', 'auto'];
const TIMEOUTS = 'timeouts.';

/** A value with its unit: `5 d`, `262,144 entries`, `off`. */
export function settingValue(unit: ListedSetting['unit'], value: number): string {
  switch (unit) {
    case 'seconds':
      return setTo(value);
    case 'switch':
      return SWITCHED[value] ?? count(value);
    default:
      return `${count(value)} ${unit}`;
  }
}

/** Where a setting is listed, and as what. */
export function settingPlace({ path }: Pick<ListedSetting, 'path'>): { group: string; name: string } {
  if (!path.startsWith(TIMEOUTS)) {
    const [group, name] = path.split('.');
    if (name === undefined) return { group: 'Switches', name: path };
    return group === 'table' ? { group: 'Table', name } : { group: 'Switches', name };
  }
  const key = path.slice(TIMEOUTS.length);
  const at = key.indexOf('.');
  if (key.startsWith('other.')) return { group: 'Other timeouts', name: key.slice(at + 1) };
  return at < 0
    ? { group: 'Timeouts of other protocols', name: key }
    : { group: `Timeouts of ${GROUPS[key.slice(0, at)] ?? key.slice(0, at)}`, name: key.slice(at + 1) };
}

const GROUPS: Record<string, string> = { tcp: 'TCP', udp: 'UDP', gre: 'GRE', sctp: 'SCTP', dccp: 'DCCP', udplite: 'UDP-Lite' };

/** What a setting does, as sentences. */
export function settingHelp({ path, setting }: Pick<ListedSetting, 'path' | 'setting'>): string {
  const key = path.slice(TIMEOUTS.length);
  const known = path.startsWith(TIMEOUTS) ? isTimeoutKey(key) && aboutTimeout(key)?.help : SWITCHES.find((one) => one.path === path)?.help;
  return known || `A timeout of this kernel that ctfleet knows no more about: ${setting}.`;
}

export const HELPER_STATES: Record<HelperState, { kind: StateKind; word: string }> = {
  loaded: { kind: 'ok', word: 'loaded' },
  'built-in': { kind: 'ok', word: 'built in' },
  loadable: { kind: 'waiting', word: 'can be loaded' },
  missing: { kind: 'offline', word: 'not there' },
  unknown: { kind: 'never', word: 'not known' },
};

const ENDS: Record<RuleEnd, string> = {
  accept: 'accepted',
  drop: 'dropped',
  reject: 'rejected',
  jump: 'decided in another chain',
  none: 'goes on',
};
const SUBJECTS = {
  invalid: 'What belongs to no connection',
  'mid-stream': 'TCP without a beginning',
  untracked: 'What is not tracked',
} as const;
const LIMITED = { source: 'of a source', destination: 'of a destination', all: 'in all', other: 'of what it names' } as const;

/** What a rule says about tracking, in a few words. */
export function sayingWords(saying: TrackingSaying): string {
  switch (saying.kind) {
    case 'notrack':
      return saying.isTooLate ? 'Not tracked: without effect here, the kernel has looked already' : 'Not tracked';
    case 'zone': {
      const side = saying.direction === undefined ? '' : saying.direction === 'reply' ? ' for replies' : ' for the original direction';
      return saying.zone === undefined ? `A zone by mark or map${side}` : `Zone ${saying.zone}${side}`;
    }
    case 'helper':
      return saying.isByMap ? `A helper by the map ${saying.name ?? 'in the rule'}` : `Helper ${saying.name ?? 'without a name'}`;
    case 'timeout': {
      const seconds = Object.entries(saying.seconds ?? {}).filter(([key]) => MAIN_TIMEOUTS.has(key));
      const values = seconds.map(([key, value]) => `${key.slice(key.indexOf('.') + 1)} ${setTo(value)}`).join(', ');
      return `Timeouts ${saying.name ?? 'by a map'}${values && `: ${values}`}`;
    }
    case 'limit':
      return `${saying.isOver ? 'More than' : 'At most'} ${counted(saying.count, 'connection')} ${LIMITED[saying.by]}`;
    case 'expectation':
      return 'Expects another connection';
    case 'events':
      return 'Tells of some events only';
    case 'offload':
      return 'Packets pass the table by (flowtable)';
    default:
      return `${SUBJECTS[saying.kind]}: ${ENDS[saying.end]}`;
  }
}

/** Of a policy of timeouts, those that decide how long an idle connection stays. */
const MAIN_TIMEOUTS = new Set(['tcp.established', 'udp.unreplied', 'udp.replied']);

/** The most consequential first. */
const RANKS: TrackingSaying['kind'][] = ['notrack', 'limit', 'helper', 'timeout', 'zone', 'mid-stream', 'invalid', 'untracked'];

type ForeignRuleView = ActualPolicyView['foreign']['rules'][number];

/** What exempts from tracking before what limits it, and so on; rules of one kind as the kernel lists them. */
export function rankedRules(rules: readonly ForeignRuleView[]): ForeignRuleView[] {
  const rank = ({ says }: ForeignRuleView): number =>
    Math.min(...says.map(({ kind }) => (RANKS.includes(kind) ? RANKS.indexOf(kind) : RANKS.length)));
  return rules.toSorted((a, b) => rank(a) - rank(b));
}

/** NF_IP_PRI_* as nft names them. */
const PRIORITIES: Record<number, string> = {
  [-300]: 'raw',
  [-150]: 'mangle',
  [-100]: 'dstnat',
  0: 'filter',
  50: 'security',
  100: 'srcnat',
};

/** `ip raw PREROUTING, rule 2`. */
export function placeWords({ family, table, chain, position }: RulePlace): string {
  return `${family} ${table} ${chain}, rule ${count(position)}`;
}

/** `prerouting at raw (−300)`. */
export function hookWords({ hooks }: Pick<RulePlace, 'hooks'>): string {
  if (hooks.length === 0) return 'no packet comes to it';
  return hooks
    .map(({ hook, priority }) => {
      const number = String(priority).replace('-', '−');
      return `${hook} at ${PRIORITIES[priority] ? `${PRIORITIES[priority]} (${number})` : number}`;
    })
    .join(', ');
}

/** What shows the rule on the gateway; undefined where a name is not one that a shell leaves alone. */
export function findCommand({ family, table, chain }: RulePlace): string | undefined {
  return [family, table, chain].every((name) => /^[\w./-]+$/.test(name) && !name.startsWith('-'))
    ? `nft -a list chain ${family} ${table} ${chain}`
    : undefined;
}

/** What comes of asking why there is no entry. */
export function explanationWords({ outcome, hook, rule, iif, oif }: TrackingExplanationView): {
  kind: StateKind;
  head: string;
  text: string;
} {
  const way = `${iif === undefined ? 'from the gateway itself' : `in by ${iif}`}${oif === undefined ? '' : `, out by ${oif}`}`;
  switch (outcome) {
    case 'untracked':
      return { kind: 'warn', head: 'Not tracked: a rule exempts it', text: `At ${hook}, by ${rule ?? 'a rule that is not known'}` };
    case 'dropped':
      return {
        kind: 'failed',
        head: 'Dropped on its way, so that no entry is kept',
        text: `At ${hook}, by ${rule ?? 'a rule that is not known'}`,
      };
    case 'tracked':
      return {
        kind: 'ok',
        head: 'The rules let it pass, and it gets an entry',
        text: `As it was taken: ${way}. If there is none, its first packet has not come here, or the table was full.`,
      };
    case 'unknown':
      return { kind: 'never', head: 'Not known', text: `At ${hook ?? 'some hook'}: ${rule ?? 'a rule cannot be evaluated'}` };
  }
}
