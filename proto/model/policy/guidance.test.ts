import { expect, test } from 'vitest';
import { guidanceOf, RULE_FIELD_NAMES } from './guidance.ts';
import { HELPERS } from './helpers.ts';
import { KNOWN_TIMEOUT_KEYS } from './settings.ts';

/** What fits into its place in the form without a scroll bar. */
const MAX_CHARACTERS = 340;

const FIELDS = [
  'metadata.name',
  'profile',
  'table.max',
  'table.buckets',
  ...KNOWN_TIMEOUT_KEYS.map((key) => `timeouts.${key}`),
  'timeouts.other.nf_conntrack_quic_timeout',
  'helpers',
  ...Object.keys(HELPERS).map((name) => `helpers.${name}`),
  'accounting',
  'timestamps',
  'events',
  ...RULE_FIELD_NAMES.map((field) => `rules.${field}`),
];

test('every field of a policy has guidance in whole sentences that fit into their place', () => {
  for (const field of FIELDS) {
    const text = guidanceOf(field);
    expect([field, text]).toEqual([field, expect.stringMatching(/^[A-Z].*\.$/)]);
    expect([field, text!.length <= MAX_CHARACTERS]).toEqual([field, true]);
  }
});

test('flows without a closing packet are warned of at every timeout of theirs, and short times at open TCP connections', () => {
  for (const field of ['udp.unreplied', 'udp.replied', 'icmp', 'icmpv6', 'generic', 'gre.unreplied'])
    expect(guidanceOf(`timeouts.${field}`)).toContain('no packet that closes such a flow');
  expect(guidanceOf('timeouts.tcp.established')).toContain('quiet SSH and database sessions hang');
});

test('whoever switches tracking off is led to helpers first', () => {
  expect(guidanceOf('rules.mode')).toContain('look for a helper first');
  expect(guidanceOf('rules.helper')).toContain('not mode off');
  expect(guidanceOf('helpers.sip')).toContain('before tracking is switched off');
});

test('there is none for what is no field', () => {
  for (const path of ['', 'timeouts', 'timeouts.udp', 'helpers.nothing', 'rules', 'rules.match', 'toString', 'helpers.toString'])
    expect([path, guidanceOf(path)]).toEqual([path, undefined]);
});
