import { expect, test } from 'vitest';
import type { RulePlace, TrackingSaying } from '../../proto/model/policy/foreign-tracking.ts';
import { KNOWN_TIMEOUT_KEYS, SWITCHES } from '../../proto/model/policy/settings.ts';
import { findCommand, hookWords, placeWords, rankedRules, sayingWords, settingHelp, settingPlace, settingValue } from './tracking-words.ts';

const PLACE: RulePlace = {
  family: 'ip',
  table: 'raw',
  chain: 'PREROUTING',
  hooks: [{ hook: 'prerouting', priority: -300 }],
  position: 2,
  handle: 9,
};

test('values have their units', () => {
  expect([settingValue('seconds', 432_000), settingValue('seconds', 30), settingValue('entries', 262_144)]).toEqual([
    '5 d',
    '30 s',
    '262,144 entries',
  ]);
  expect([0, 1, 2, 7].map((value) => settingValue('switch', value))).toEqual(['off', 'on', 'auto', '7']);
});

test('every setting has a group, a name and guidance', () => {
  const paths = [...SWITCHES.map(({ path }) => path), ...KNOWN_TIMEOUT_KEYS.map((key) => `timeouts.${key}`)];
  for (const path of paths) expect([path, settingHelp({ path, setting: 'x' })]).toEqual([path, expect.stringMatching(/\.$/)]);
  expect(settingPlace({ path: 'timeouts.tcp.established' })).toEqual({ group: 'Timeouts of TCP', name: 'established' });
  expect(settingPlace({ path: 'timeouts.icmp' })).toEqual({ group: 'Timeouts of other protocols', name: 'icmp' });
  expect(settingPlace({ path: 'timeouts.other.nf_conntrack_quic_timeout' })).toEqual({
    group: 'Other timeouts',
    name: 'nf_conntrack_quic_timeout',
  });
  expect(settingPlace({ path: 'modes.loose' })).toEqual({ group: 'Switches', name: 'loose' });
  expect(settingHelp({ path: 'timeouts.other.nf_conntrack_quic_timeout', setting: 'nf_conntrack_quic_timeout' })).toContain(
    'knows no more',
  );
});

test.each<[TrackingSaying, string]>([
  [{ kind: 'notrack' }, 'Not tracked'],
  [{ kind: 'notrack', isTooLate: true }, 'Not tracked: without effect here, the kernel has looked already'],
  [{ kind: 'zone', zone: 7, direction: 'reply' }, 'Zone 7 for replies'],
  [{ kind: 'zone' }, 'A zone by mark or map'],
  [{ kind: 'helper', name: 'ftp' }, 'Helper ftp'],
  [{ kind: 'helper', isByMap: true }, 'A helper by the map in the rule'],
  [
    { kind: 'timeout', name: 'calls', proto: 'udp', seconds: { 'udp.unreplied': 40, 'udp.replied': 600 } },
    'Timeouts calls: unreplied 40 s, replied 10 min',
  ],
  [{ kind: 'limit', count: 20, isOver: true, by: 'source' }, 'More than 20 connections of a source'],
  [{ kind: 'limit', count: 1, isOver: false, by: 'all' }, 'At most 1 connection in all'],
  [{ kind: 'invalid', end: 'drop' }, 'What belongs to no connection: dropped'],
  [{ kind: 'mid-stream', end: 'reject' }, 'TCP without a beginning: rejected'],
  [{ kind: 'untracked', end: 'accept' }, 'What is not tracked: accepted'],
])('%j is said as %s', (saying, words) => {
  expect(sayingWords(saying)).toBe(words);
});

test('a rule is said with where it stands, and how to find it', () => {
  expect([placeWords(PLACE), hookWords(PLACE), findCommand(PLACE)]).toEqual([
    'ip raw PREROUTING, rule 2',
    'prerouting at raw (−300)',
    'nft -a list chain ip raw PREROUTING',
  ]);
  expect(hookWords({ hooks: [{ hook: 'output', priority: -310 }] })).toBe('output at −310');
  expect(hookWords({ hooks: [] })).toBe('no packet comes to it');
});

test.each(['a; reboot', '$(id)', '-f', 'a b', ''])('a name that a shell would take for more is in no command: %j', (chain) => {
  expect(findCommand({ ...PLACE, chain })).toBeUndefined();
});

test('what exempts from tracking comes first, and rules of one kind stay in their order', () => {
  const rule = (text: string, saying: TrackingSaying) => ({ place: PLACE, says: [saying], text });
  const ranked = rankedRules([
    rule('a', { kind: 'events' }),
    rule('b', { kind: 'invalid', end: 'drop' }),
    rule('c', { kind: 'notrack' }),
    rule('d', { kind: 'limit', count: 1, isOver: true, by: 'all' }),
    rule('e', { kind: 'notrack' }),
  ]);
  expect(ranked.map(({ text }) => text).join('')).toBe('cedba');
});
