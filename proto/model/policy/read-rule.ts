import { ANSWERS, MODES, type PolicyRule, type RuleLimits } from './document.ts';
import { HELPERS } from './helpers.ts';
import { LIMIT_RANGE, MAX_RULE_NAME, MAX_RULE_NAME_BYTES, TIMEOUT_RANGE } from './limits.ts';
import { withoutAbsent } from '../without-absent.ts';
import { readMatch } from './read-match.ts';
import { quoted, type Place, type Reading } from '../yaml/reading.ts';

const RULE_KEYS = ['name', 'match', 'mode', 'answer', 'idleTimeout', 'helper', 'limits'] as const;
const LIMIT_KEYS = ['perSource', 'perDestination', 'answer'] as const;
/** What a connection has that is there. */
const OF_CONNECTIONS = ['idleTimeout', 'helper', 'limits'] as const;
/** What is decided before a packet is routed, and so cannot depend on the way out. */
const BEFORE_ROUTING = ['idleTimeout', 'helper'] as const;

/** A rule; undefined if it has no name by which it could be spoken of. */
export function readRule(reading: Reading, place: Place): PolicyRule | undefined {
  const keys = reading.map(place, RULE_KEYS, ['name']);
  if (!keys) return undefined;
  const name = keys.name && readRuleName(reading, keys.name);
  const mode = keys.mode && reading.word(keys.mode, MODES, 'a mode');
  const answer = keys.answer && reading.word(keys.answer, ANSWERS, 'an answer');
  const rule: PolicyRule = withoutAbsent({
    name: name ?? '',
    match: keys.match ? readMatch(reading, keys.match) : {},
    mode,
    answer: mode === 'deny' ? (answer ?? 'drop') : undefined,
    idleTimeoutSeconds: keys.idleTimeout && reading.duration(keys.idleTimeout, TIMEOUT_RANGE),
    helper: keys.helper && readHelper(reading, keys.helper),
    limits: keys.limits && readLimits(reading, keys.limits),
  });
  const { proto, oif, zone } = rule.match;
  if (!keys.mode && !keys.idleTimeout && !keys.helper && !keys.limits)
    reading.wrong(place, 'the rule says nothing', 'give it a mode, an idleTimeout, a helper or limits');
  if (keys.idleTimeout && proto !== 'tcp' && proto !== 'udp')
    reading.wrong(
      keys.idleTimeout,
      'an idle timeout is of one protocol, and the kernel has it for TCP and UDP',
      'add proto: tcp or proto: udp to match',
    );
  if (keys.helper && rule.helper !== undefined && !HELPERS[rule.helper]!.ports.some((port) => port.proto === proto))
    reading.wrong(
      keys.helper,
      `${rule.helper} is not a helper of this protocol`,
      `add proto: ${HELPERS[rule.helper]!.ports[0]!.proto} to match`,
    );
  if (oif)
    for (const key of BEFORE_ROUTING)
      if (keys[key]) reading.wrong(keys[key], `${key} is decided before the way out is known`, 'match by iif or dst instead of oif');
  if (rule.mode === 'off' && keys.mode && (oif || zone !== undefined))
    reading.wrong(
      keys.mode,
      'tracking is switched off before the way out or a zone is known',
      'match by iif, src or dst instead of oif and zone',
    );
  if (keys.answer && mode !== 'deny')
    reading.wrong(keys.answer, 'only a rule of mode deny answers so', 'give it mode: deny, or write the answer below limits');
  if (mode === 'deny' && keys.mode) {
    for (const key of OF_CONNECTIONS)
      if (keys[key]) reading.wrong(keys[key], `what is denied has no ${key}`, `remove ${key}, or write another rule for it`);
    if (rule.match.mark)
      reading.wrong(keys.mode, 'a connection is denied in both directions, and its replies need not have the mark', 'match without mark');
  }
  return name === undefined ? undefined : rule;
}

function readRuleName(reading: Reading, place: Place): string | undefined {
  const name = reading.name(place, MAX_RULE_NAME);
  if (name === undefined || new TextEncoder().encode(name).length <= MAX_RULE_NAME_BYTES) return name;
  return reading.wrong(place, `the name ${quoted(name)} is too long`, `write at most ${MAX_RULE_NAME_BYTES} bytes`);
}

/** A helper of the kernel that ctfleet knows. */
export function readHelper(reading: Reading, place: Place): string | undefined {
  return reading.word(place, Object.keys(HELPERS), 'a helper');
}

function readLimits(reading: Reading, place: Place): RuleLimits | undefined {
  const keys = reading.map(place, LIMIT_KEYS);
  if (!keys) return undefined;
  if (!keys.perSource && !keys.perDestination) reading.wrong(place, 'no limit is given', 'add perSource or perDestination');
  return withoutAbsent({
    perSource: keys.perSource && reading.integer(keys.perSource, LIMIT_RANGE),
    perDestination: keys.perDestination && reading.integer(keys.perDestination, LIMIT_RANGE),
    answer: (keys.answer && reading.word(keys.answer, ANSWERS, 'an answer')) ?? 'drop',
  });
}
