import {
  API_VERSION,
  DRIFT_WAYS,
  POLICY_KIND,
  PROFILE_NAMES,
  type PolicyDocument,
  type PolicyRule,
  type PolicySpec,
  type Timeouts,
} from './document.ts';
import { HELPERS } from './helpers.ts';
import { MAX_NAME, MAX_OTHER_TIMEOUTS, MAX_RULES, TABLE_RANGE, TIMEOUT_RANGE } from './limits.ts';
import type { PolicyProblem } from './problem.ts';
import { withoutAbsent } from '../without-absent.ts';
import { readHelper, readRule } from './read-rule.ts';
import { quoted, readText, type Place, type Reading } from '../yaml/reading.ts';
import { isTimeoutKey, KNOWN_TIMEOUT_KEYS, timeoutKeyOf, type TimeoutKey } from './settings.ts';

const SPEC_KEYS = ['profile', 'table', 'timeouts', 'helpers', 'accounting', 'timestamps', 'events', 'drift', 'rules'] as const;
/** `tcp` and the like, with the keys below them; none for `icmp`, which is a time itself. */
const TIMEOUT_GROUPS = Map.groupBy(KNOWN_TIMEOUT_KEYS, (key) => key.split('.')[0]!);

/** Reads a policy from YAML or JSON. All of it is right, or every problem that was found is listed with its place. Never throws. */
export function readPolicy(text: string): { document: PolicyDocument } | { problems: PolicyProblem[] } {
  return readText(text, 'policy', readDocument);
}

function readDocument(reading: Reading, place: Place): PolicyDocument | undefined {
  const keys = reading.map(place, ['apiVersion', 'kind', 'metadata', 'spec'], ['apiVersion', 'kind', 'metadata', 'spec']);
  if (!keys) return undefined;
  if (keys.apiVersion) reading.word(keys.apiVersion, [API_VERSION], 'a version that this controller knows');
  if (keys.kind) reading.word(keys.kind, [POLICY_KIND], 'a kind that this controller knows');
  const metadata = keys.metadata && reading.map(keys.metadata, ['name', 'tenant'], ['name']);
  const name = metadata?.name && reading.name(metadata.name, MAX_NAME);
  const tenant = metadata?.tenant && reading.name(metadata.tenant, MAX_NAME);
  const spec = keys.spec && readSpec(reading, keys.spec);
  return name === undefined || !spec ? undefined : { metadata: withoutAbsent({ name, tenant }), spec };
}

function readSpec(reading: Reading, place: Place): PolicySpec {
  const keys = reading.map(place, SPEC_KEYS) ?? {};
  return withoutAbsent({
    profile: keys.profile && reading.word(keys.profile, PROFILE_NAMES, 'a profile'),
    table: keys.table ? readTable(reading, keys.table) : {},
    timeouts: keys.timeouts ? readTimeouts(reading, keys.timeouts) : {},
    helpers: keys.helpers && readHelpers(reading, keys.helpers),
    accounting: keys.accounting && reading.flag(keys.accounting),
    timestamps: keys.timestamps && reading.flag(keys.timestamps),
    events: keys.events && readEvents(reading, keys.events),
    drift: keys.drift && reading.word(keys.drift, DRIFT_WAYS, 'what happens to drift'),
    rules: keys.rules ? readRules(reading, keys.rules) : [],
  });
}

function readTable(reading: Reading, place: Place): PolicySpec['table'] {
  const keys = reading.map(place, ['max', 'buckets']) ?? {};
  return withoutAbsent({
    max: keys.max && reading.integer(keys.max, TABLE_RANGE.max),
    buckets: keys.buckets && reading.integer(keys.buckets, TABLE_RANGE.buckets),
  });
}

function readTimeouts(reading: Reading, place: Place): Timeouts {
  const timeouts: Timeouts = {};
  const read = (key: TimeoutKey, at: Place): void => {
    const seconds = reading.duration(at, TIMEOUT_RANGE);
    if (seconds !== undefined) timeouts[key] = seconds;
  };
  const groups = reading.map(place, [...TIMEOUT_GROUPS.keys(), 'other']) ?? {};
  for (const [group, at] of Object.entries(groups)) {
    if (!at) continue;
    if (group === 'other') readOtherTimeouts(reading, at, read);
    else if (isTimeoutKey(group)) read(group, at);
    else {
      const known = TIMEOUT_GROUPS.get(group)!.map((key) => key.slice(group.length + 1));
      for (const [key, inner] of Object.entries(reading.map(at, known) ?? {})) if (inner) read(`${group}.${key}` as TimeoutKey, inner);
    }
  }
  return timeouts;
}

function readOtherTimeouts(reading: Reading, place: Place, read: (key: TimeoutKey, at: Place) => void): void {
  const entries = reading.entries(place) ?? [];
  if (entries.length > MAX_OTHER_TIMEOUTS)
    reading.wrong(place, `there are more than ${MAX_OTHER_TIMEOUTS}`, 'remove those that no gateway has');
  for (const { key, keyNode, place: at } of entries) {
    const known = timeoutKeyOf(key);
    if (known === `other.${key}`) read(known, at);
    else
      reading.wrong(
        { node: keyNode, path: at.path },
        `${quoted(key)} is not another timeout of the kernel`,
        known ? `write it as ${known}` : 'write the name of its file, such as nf_conntrack_quic_timeout',
      );
  }
}

function readHelpers(reading: Reading, place: Place): string[] | undefined {
  const items = reading.list(place, Object.keys(HELPERS).length);
  return items && [...new Set(items.map((item) => readHelper(reading, item)).filter((helper) => helper !== undefined))].toSorted();
}

function readEvents(reading: Reading, place: Place): boolean | 'auto' | undefined {
  const text = reading.text(place, 'true, false or auto');
  if (text === undefined) return undefined;
  return text === 'auto'
    ? text
    : reading.word(place, ['true', 'false', 'auto'], 'true, false or auto') === undefined
      ? undefined
      : text === 'true';
}

function readRules(reading: Reading, place: Place): PolicyRule[] {
  const rules: PolicyRule[] = [];
  for (const item of reading.list(place, MAX_RULES) ?? []) {
    const rule = readRule(reading, item);
    const earlier = rules.findIndex(({ name }) => name === rule?.name);
    if (rule && earlier >= 0) reading.wrong(item, `there is another rule named ${quoted(rule.name)}`, 'give each rule a name of its own');
    else if (rule) rules.push(rule);
  }
  return rules;
}
