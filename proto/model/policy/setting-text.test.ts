import { expect, it } from 'vitest';
import { pathOfSetting, textOfSetting } from './setting-text.ts';

const said = (setting: string, value: number): string => `${pathOfSetting(setting)}: ${textOfSetting(setting, value)}`;

it('a setting is told by its place in a document, with its value as a document has it', () => {
  expect([
    said('nf_conntrack_tcp_timeout_established', 3600),
    said('nf_conntrack_max', 262_144),
    said('nf_conntrack_acct', 0),
    said('nf_conntrack_events', 2),
    said('nf_conntrack_tcp_loose', 1),
    said('nf_conntrack_quic_timeout', 90),
  ]).toEqual([
    'timeouts.tcp.established: 1h',
    'table.max: 262144',
    'accounting: false',
    'events: auto',
    'modes.loose: true',
    'timeouts.other.nf_conntrack_quic_timeout: 90s',
  ]);
});

it('a value that no document has is the number that it is', () => {
  expect([said('nf_conntrack_tcp_timeout_established', -1), said('nf_conntrack_tcp_be_liberal', 7)]).toEqual([
    'timeouts.tcp.established: -1',
    'modes.liberal: 7',
  ]);
});
