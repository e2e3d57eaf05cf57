import type { PolicyTable } from '../policy-table.ts';
import { tableFiles } from '../table-files.ts';
import type { HeldValues } from './change-set.ts';

/**
 * Systems that keep such settings in places of their own. All of this is written from their documentation, and none of it was run there.
 */
export const SYSTEMS = ['systemd', 'openwrt', 'vyos'] as const;
export type SystemName = (typeof SYSTEMS)[number];

/**
 * Where what a policy sets would belong on a system, so that it is so at a start without an agent too. Nobody writes it there by itself.
 */
export interface Belonging {
  files: { path: string; mode: number; content: string }[];
  /** What is to be entered afterwards, line by line. */
  commands: string[];
  /** What has no place there, as sentences. */
  without: string[];
}

const SYSCTL_FILE = '/etc/sysctl.d/60-ctfleet-policy.conf';
const [PREPARE, REPLACE] = ['/etc/ctfleet/policy-prepare.nft', '/etc/ctfleet/policy-replace.json'];
/** As the agent does it: first what JSON of nft 1.0.6 cannot make. */
const LOADING = [`nft -f ${PREPARE}`, `nft -j -f ${REPLACE}`];

export function whereItBelongs(system: SystemName, held: HeldValues, table: PolicyTable | undefined): Belonging {
  return { systemd: onSystemd, openwrt: onOpenWrt, vyos: onVyos }[system](held, table);
}

/** sysctl.d(5); a unit of its own, since /etc/nftables.conf is the administrator's and begins by removing all tables. */
function onSystemd(held: HeldValues, table: PolicyTable | undefined): Belonging {
  const unit = `[Unit]
Description=Tracking policy of ctfleet
After=nftables.service systemd-sysctl.service
PartOf=nftables.service

[Service]
Type=oneshot
RemainAfterExit=yes
${LOADING.map((command) => `ExecStart=/usr/sbin/${command}`).join('\n')}

[Install]
WantedBy=multi-user.target nftables.service
`;
  return {
    files: [
      ...sysctlFiles(held),
      ...filesOf(table),
      ...(table ? [{ path: '/etc/systemd/system/ctfleet-policy.service', mode: 0o644, content: unit }] : []),
    ],
    commands: [`sysctl -p ${SYSCTL_FILE}`, ...(table ? ['systemctl daemon-reload', 'systemctl enable --now ctfleet-policy.service'] : [])],
    without: [],
  };
}

/** fw4 includes /etc/nftables.d within its own table, where no other can be; a script of its includes runs after each reload. */
function onOpenWrt(held: HeldValues, table: PolicyTable | undefined): Belonging {
  const script = '/etc/ctfleet/policy.sh';
  return {
    files: [
      ...sysctlFiles(held),
      ...filesOf(table),
      ...(table ? [{ path: script, mode: 0o755, content: `#!/bin/sh\n${LOADING.join(' && ')}\n` }] : []),
    ],
    commands: [
      `sysctl -p ${SYSCTL_FILE}`,
      ...(table
        ? [
            'uci set firewall.ctfleet_policy=include',
            'uci set firewall.ctfleet_policy.type=script',
            `uci set firewall.ctfleet_policy.path=${script}`,
            'uci set firewall.ctfleet_policy.fw4_compatible=1',
            'uci commit firewall',
            '/etc/init.d/firewall reload',
          ]
        : []),
    ],
    without: [],
  };
}

/** Nodes of its configuration, by the kernel's names (its conntrack/sysctl.conf.j2 has the same list the other way round). */
const VYOS_NODES: Readonly<Record<string, string>> = {
  nf_conntrack_max: 'system conntrack table-size',
  nf_conntrack_icmp_timeout: 'firewall global-options timeout icmp',
  nf_conntrack_generic_timeout: 'firewall global-options timeout other',
  nf_conntrack_udp_timeout: 'firewall global-options timeout udp other',
  nf_conntrack_udp_timeout_stream: 'firewall global-options timeout udp stream',
  ...Object.fromEntries(
    ['close', 'close_wait', 'established', 'fin_wait', 'last_ack', 'syn_recv', 'syn_sent', 'time_wait'].map((state) => [
      `nf_conntrack_tcp_timeout_${state}`,
      `firewall global-options timeout tcp ${state.replace('_', '-')}`,
    ]),
  ),
};

/** Each commit writes its files again, so that only its configuration counts. */
function onVyos({ settings, rules, helpers }: HeldValues): Belonging {
  const commands = Object.entries(settings).map(([name, value]) => {
    if (name === 'nf_conntrack_tcp_loose') return `set system conntrack tcp loose ${value === 1 ? 'enable' : 'disable'}`;
    // A parameter of the module, and so in force after the next start.
    if (name === 'nf_conntrack_buckets') return `set system conntrack hash-size ${value}`;
    const node = VYOS_NODES[name];
    return node === undefined ? `set system sysctl parameter net.netfilter.${name} value ${value}` : `set ${node} ${value}`;
  });
  return {
    files: [],
    commands: commands.length > 0 ? ['configure', ...commands, 'commit', 'save', 'exit'] : [],
    without:
      rules.length + helpers.length > 0 ? ['Rules and helpers have no place of this form there; the agent sets them at its start.'] : [],
  };
}

function sysctlFiles({ settings }: HeldValues): Belonging['files'] {
  const content = Object.entries(settings)
    .map(([name, value]) => `net.netfilter.${name} = ${value}\n`)
    .join('');
  return [{ path: SYSCTL_FILE, mode: 0o644, content }];
}

/** They replace our table, whatever is there of it; as at a start, when nothing is. */
function filesOf(table: PolicyTable | undefined): Belonging['files'] {
  if (!table) return [];
  const { prepare, replace } = tableFiles(table);
  const fresh = 'add table inet ctfleet_policy\ndelete table inet ctfleet_policy\n';
  return [
    { path: PREPARE, mode: 0o600, content: `${fresh}${prepare}` },
    { path: REPLACE, mode: 0o600, content: `${replace}\n` },
  ];
}
