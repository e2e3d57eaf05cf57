import { differenceOf, type PolicyChange } from './difference.ts';
import type { PolicyDocument, PolicyRule, PolicyValues, Timeouts } from './document.ts';
import { effectivePolicy } from './effective.ts';
import type { ForeignRule } from './foreign-tracking.ts';
import type { PolicyReading } from './gateway-reading.ts';
import { HELPERS } from './helpers.ts';
import { MAX_RULES, TABLE_RANGE, TIMEOUT_RANGE } from './limits.ts';
import { readPolicy } from './read.ts';
import { listSettings, type ListedSetting } from './setting-list.ts';
import type { TimeoutKey } from './settings.ts';
import { writePolicy } from './write.ts';

/** What a gateway is set to, as a document. */
export interface Adopted {
  document: PolicyDocument;
  /** Sentences: what the gateway has that the document does not, and why. */
  notes: string[];
}

const MAX_NOTES = 100;

/**
 * The policy that a gateway is as good as held to: what differs from the kernel's defaults, and the rules and helpers of our own table. Of
 * rules of others nothing is taken over, only told. It can be read as any document, and planned on the same gateway it changes nothing,
 * unless a note says what.
 */
export function adoptedPolicy(name: string, { actual, foreign, unread }: PolicyReading): Adopted {
  const notes: string[] = [];
  const values: PolicyValues = { table: {}, timeouts: {}, rules: [] };
  for (const setting of listSettings(actual.settings, actual.unsettable)) adoptSetting(setting, values, notes);
  const helpers = actual.table?.helpers ?? [];
  const known = [...new Set(helpers)].filter((helper) => Object.hasOwn(HELPERS, helper)).toSorted();
  if (known.length > 0) values.helpers = known;
  const document: PolicyDocument = { metadata: { name }, spec: values };
  document.spec.rules = readableRules(name, actual.table?.rules ?? [], notes);
  if (!('document' in readPolicy(writePolicy(document)))) {
    document.spec.rules = [];
    notes.push('The rules of our table are larger together than a document can be, and are left out.');
  }
  const effective = effectivePolicy([{ policyId: '', level: 'gateway', document }]);
  for (const change of differenceOf(effective.values, actual).changes) if (change.verdict.kind !== 'unchanged') notes.push(noteOn(change));
  for (const one of actual.table?.strange ?? []) notes.push(`In our table, and not by us: ${one}.`);
  for (const rule of foreign.rules) notes.push(`A rule of somebody else stays theirs: ${placeOf(rule)}: ${rule.text}.`);
  const undecoded = foreign.undecoded.length + foreign.left;
  if (undecoded > 0) notes.push(`${undecoded} more rules of others may say something about tracking, and are not looked at here.`);
  notes.push(...foreign.unread, ...unread);
  return { document, notes: notes.length > MAX_NOTES ? [...notes.slice(0, MAX_NOTES), `${notes.length - MAX_NOTES} more notes.`] : notes };
}

function adoptSetting({ path, setting, value, defaultValue, unsettable }: ListedSetting, values: PolicyValues, notes: string[]): void {
  if (value === defaultValue) return;
  const leave = (why: string): void => void notes.push(`${setting} is ${value}, and is left out: ${why}`);
  if (unsettable !== undefined) return leave(`it cannot be set here: ${unsettable}`);
  if (path.startsWith('modes.')) return leave('a policy sets it by the mode of a rule.');
  if (path === 'table.max' || path === 'table.buckets') {
    const key = path === 'table.max' ? 'max' : 'buckets';
    if (!isWithin(value, TABLE_RANGE[key])) return leave('a policy cannot say that.');
    values.table[key] = value;
  } else if (path.startsWith('timeouts.')) {
    if (!isWithin(value, TIMEOUT_RANGE)) return leave('a policy cannot say that.');
    if (defaultValue === undefined) return leave('what the kernel sets it to by itself is not known.');
    (values.timeouts as Timeouts)[path.slice('timeouts.'.length) as TimeoutKey] = value;
  } else if (value === 0 || value === 1) Object.assign(values, { [path]: value === 1 });
  else if (path === 'events' && value === 2) values.events = 'auto';
  else leave('a policy cannot say that.');
}

/** Those that a document can have, each by itself; somebody else may have written the others. */
function readableRules(name: string, rules: readonly PolicyRule[], notes: string[]): PolicyRule[] {
  const taken = new Map<string, PolicyRule>();
  for (const rule of rules) {
    const alone = { metadata: { name }, spec: { table: {}, timeouts: {}, rules: [rule] } };
    const read = readPolicy(writePolicy(alone));
    if ('problems' in read) notes.push(`The rule ${rule.name} of our table is left out: ${read.problems[0]!.message}.`);
    else if (taken.has(rule.name)) notes.push(`Another rule of our table named ${rule.name} is left out.`);
    else if (taken.size === MAX_RULES) notes.push(`The rule ${rule.name} of our table is left out: a document has ${MAX_RULES} at most.`);
    else taken.set(rule.name, read.document.spec.rules[0]!);
  }
  return [...taken.values()];
}

function noteOn(change: PolicyChange): string {
  const why = change.verdict.kind === 'refused' ? ` ${change.verdict.reason}` : '';
  switch (change.on) {
    case 'setting':
      return `Applied here, it would set ${change.setting} from ${change.from ?? 'nothing'} to ${change.to}, which its rules need.${why}`;
    case 'helper':
      return `Applied here, it would ${change.to ? 'assign' : 'no more assign'} the helper ${change.helper}.${why}`;
    case 'rule':
      return `Applied here, it would ${change.to ? 'change' : 'remove'} the rule ${change.rule}.${why}`;
  }
}

function placeOf({ place }: ForeignRule): string {
  return `${place.family} ${place.table} ${place.chain}`;
}

function isWithin(value: number, { from, to }: { from: number; to: number }): boolean {
  return Number.isInteger(value) && value >= from && value <= to;
}
