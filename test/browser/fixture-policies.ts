import type { EffectivePolicyView } from '../../proto/http/effective-policy.ts';
import type { GatewayPolicy, TrackingExplanationView } from '../../proto/http/policies.ts';
import type { Gateway } from '../../proto/http/fleet.ts';
import { HELPERS } from '../../proto/model/policy/helpers.ts';
import { listSettings, SWITCH_DEFAULTS } from '../../proto/model/policy/setting-list.ts';
import { aboutTimeout, KNOWN_TIMEOUT_KEYS, settingOf, SWITCHES } from '../../proto/model/policy/settings.ts';

const NOT_HERE = 'it is one value for the whole machine, and this gateway runs in a network namespace of its own: set it on the host.';

/** What a gateway of the fixture is set to: a busy NAT, with rules of a firewall and of somebody's hand beside it. */
export function fixturePolicy(gateway: Gateway, effective: EffectivePolicyView): GatewayPolicy {
  if (gateway.state !== 'online')
    return { gatewayId: gateway.id, state: 'offline', reason: 'offline since 2026-11-30 14:02 UTC', effective, warnings: [] };
  const timeouts = KNOWN_TIMEOUT_KEYS.filter((key) => !/^(dccp|udplite)\./.test(key)).map((key) => [
    settingOf(key),
    aboutTimeout(key)!.defaultSeconds,
  ]);
  const settings: Record<string, number> = {
    ...Object.fromEntries([...timeouts, ...SWITCHES.map(({ path, setting }) => [setting, SWITCH_DEFAULTS[path] ?? 262_144])]),
    nf_conntrack_tcp_timeout_established: 3600,
    nf_conntrack_tcp_timeout_time_wait: 30,
    nf_conntrack_acct: 1,
    nf_conntrack_buckets: 65_536,
  };
  const hook = (name: string, priority: number) => [{ hook: name, priority }];
  return {
    gatewayId: gateway.id,
    state: 'answered',
    actual: {
      readAt: new Date().toISOString(),
      settings: listSettings(settings, { nf_conntrack_max: NOT_HERE, nf_conntrack_buckets: NOT_HERE }),
      helpers: Object.keys(HELPERS).map((name) =>
        name === 'pptp'
          ? { name, state: 'unknown', evidence: 'nf_conntrack_pptp may be built in, or a module: /lib/modules/6.18.0 cannot be read here.' }
          : { name, state: name === 'ftp' ? 'loaded' : 'loadable', evidence: 'It lies in /lib/modules/6.18.0.' },
      ),
      foreign: {
        rules: [
          {
            place: { family: 'inet', table: 'fw4', chain: 'forward', hooks: hook('forward', 0), position: 1, handle: 31 },
            says: [{ kind: 'invalid', end: 'drop' }],
            text: 'ct state map { … }',
          },
          {
            place: { family: 'ip', table: 'raw', chain: 'PREROUTING', hooks: hook('prerouting', -300), position: 2, handle: 9 },
            says: [{ kind: 'notrack' }],
            text: 'ip saddr 10.0.0.0/8 meta l4proto udp th dport 5060 notrack',
            comment: 'trunk, do not touch',
          },
          {
            place: { family: 'inet', table: 'guests', chain: 'limits', hooks: hook('forward', 10), position: 4, handle: 77 },
            says: [{ kind: 'limit', count: 20, isOver: true, by: 'source' }],
            text: 'ip saddr 10.9.0.0/16 update @per_source { ct count over 20 } reject with tcp reset',
          },
        ],
        undecoded: [
          {
            place: { family: 'inet', table: 'vpn', chain: 'passing', hooks: hook('forward', 0), position: 1, handle: 5 },
            parts: ['xfrm'],
            text: 'xfrm 0x01000000 accept',
          },
        ],
        unread: [],
        left: 0,
      },
      unread: [],
    },
    effective,
    difference: {
      changes: [
        {
          on: 'setting',
          path: 'timeouts.tcp.established',
          setting: 'nf_conntrack_tcp_timeout_established',
          from: 3600,
          to: 7200,
          verdict: { kind: 'set' },
          origin: effective.values[0]!.origin,
        },
        {
          on: 'helper',
          path: 'helpers',
          helper: 'ftp',
          from: false,
          to: true,
          verdict: { kind: 'refused', reason: 'nft is missing. Install it.' },
          origin: effective.values[2]!.origin,
        },
      ],
      unchanged: 1,
      isReordered: false,
      strange: [],
    },
    warnings: [],
  };
}

/** Port 5060 is exempt, port 25 dropped. */
export function fixtureExplanation(dport: unknown): TrackingExplanationView {
  const askedAt = new Date().toISOString();
  if (Number(dport) === 5060)
    return {
      askedAt,
      outcome: 'untracked',
      hook: 'prerouting',
      rule: 'ip raw PREROUTING handle 9: meta l4proto udp th dport 5060 notrack',
      iif: 'lan',
    };
  return { askedAt, outcome: 'tracked', iif: 'lan', oif: 'wan1' };
}
