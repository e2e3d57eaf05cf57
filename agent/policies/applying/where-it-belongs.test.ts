import { expect, test } from 'vitest';
import type { HeldValues } from './change-set.ts';
import { tableOf } from './change-set.ts';
import { SYSTEMS, whereItBelongs, type SystemName } from './where-it-belongs.ts';

const HELD: HeldValues = {
  settings: {
    nf_conntrack_max: 524_288,
    nf_conntrack_buckets: 131_072,
    nf_conntrack_tcp_timeout_close_wait: 30,
    nf_conntrack_udp_timeout_stream: 60,
    nf_conntrack_tcp_loose: 0,
    nf_conntrack_acct: 1,
  },
  rules: [{ name: 'guests', match: { src: ['10.1.0.0/16'] }, limits: { perSource: 20, answer: 'reset' } }],
  helpers: [],
  timeouts: {},
};
const TABLE = tableOf(HELD, []);
const on = (system: SystemName) => whereItBelongs(system, HELD, TABLE);
const contentOf = (system: SystemName, path: string): string | undefined => on(system).files.find((file) => file.path === path)?.content;

test('on systemd settings are in sysctl.d, and the table in a unit that follows the administrator’s firewall', () => {
  expect(contentOf('systemd', '/etc/sysctl.d/60-ctfleet-policy.conf')).toMatch(
    /^net\.netfilter\.nf_conntrack_max = 524288\nnet\.netfilter\.nf_conntrack_buckets = 131072\n/,
  );
  const unit = contentOf('systemd', '/etc/systemd/system/ctfleet-policy.service');
  expect(unit).toContain('After=nftables.service');
  expect(unit?.match(/^ExecStart=.*$/gm)).toEqual([
    'ExecStart=/usr/sbin/nft -f /etc/ctfleet/policy-prepare.nft',
    'ExecStart=/usr/sbin/nft -j -f /etc/ctfleet/policy-replace.json',
  ]);
  expect(contentOf('systemd', '/etc/ctfleet/policy-prepare.nft')).toMatch(
    /^add table .*\ndelete table .*\nadd table .*\nadd set .* li_src4_/,
  );
  expect(JSON.parse(contentOf('systemd', '/etc/ctfleet/policy-replace.json')!)).toHaveProperty('nftables');
});

test('on OpenWrt a script of the firewall’s includes puts the table back after each reload', () => {
  expect(contentOf('openwrt', '/etc/sysctl.d/60-ctfleet-policy.conf')).toContain('nf_conntrack_acct = 1\n');
  expect(contentOf('openwrt', '/etc/ctfleet/policy.sh')).toBe(
    '#!/bin/sh\nnft -f /etc/ctfleet/policy-prepare.nft && nft -j -f /etc/ctfleet/policy-replace.json\n',
  );
  expect(on('openwrt').commands).toContain('uci set firewall.ctfleet_policy.fw4_compatible=1');
});

test('on VyOS settings are nodes of its configuration where it has them, and the agent sets the rules', () => {
  expect(on('vyos')).toEqual({
    files: [],
    commands: [
      'configure',
      'set system conntrack table-size 524288',
      'set system conntrack hash-size 131072',
      'set firewall global-options timeout tcp close-wait 30',
      'set firewall global-options timeout udp stream 60',
      'set system conntrack tcp loose disable',
      'set system sysctl parameter net.netfilter.nf_conntrack_acct value 1',
      'commit',
      'save',
      'exit',
    ],
    without: ['Rules and helpers have no place of this form there; the agent sets them at its start.'],
  });
});

test('a policy without rules has no table anywhere', () => {
  for (const system of SYSTEMS) {
    const { files, commands } = whereItBelongs(system, { ...HELD, rules: [] }, undefined);
    expect(files.map(({ path }) => path)).toEqual(system === 'vyos' ? [] : ['/etc/sysctl.d/60-ctfleet-policy.conf']);
    expect(commands.join('\n')).not.toMatch(/systemctl|uci|nft/);
  }
});
