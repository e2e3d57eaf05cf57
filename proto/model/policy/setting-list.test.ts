import { expect, test } from 'vitest';
import { listSettings } from './setting-list.ts';

test('settings are listed with their place, unit, default, and why they cannot be set', () => {
  const settings = {
    nf_conntrack_zzz_timeout: 5,
    nf_conntrack_udp_timeout: 31,
    nf_conntrack_tcp_timeout_syn_sent: 120,
    nf_conntrack_events: 1,
    nf_conntrack_max: 65_536,
    nf_conntrack_count: 3,
  };
  expect(listSettings(settings, { nf_conntrack_max: 'it is one value for the whole machine.' })).toEqual([
    {
      path: 'table.max',
      setting: 'nf_conntrack_max',
      value: 65_536,
      unit: 'entries',
      unsettable: 'it is one value for the whole machine.',
    },
    { path: 'events', setting: 'nf_conntrack_events', value: 1, unit: 'switch', defaultValue: 2 },
    { path: 'timeouts.tcp.synSent', setting: 'nf_conntrack_tcp_timeout_syn_sent', value: 120, unit: 'seconds', defaultValue: 120 },
    { path: 'timeouts.udp.unreplied', setting: 'nf_conntrack_udp_timeout', value: 31, unit: 'seconds', defaultValue: 30 },
    { path: 'timeouts.other.nf_conntrack_zzz_timeout', setting: 'nf_conntrack_zzz_timeout', value: 5, unit: 'seconds' },
  ]);
});
