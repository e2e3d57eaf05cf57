import { BLACK_HOLE, clientAddress, externalAddress, externalAddress6, WANS } from './topology.ts';

/** How a gateway translates: to the address the WAN has at the time, or to a fixed one. */
export type NatKind = 'masquerade' | 'snat';

/** A port forward of every gateway, so that DNATed flows exist: this port outside goes to the first client's port 443. */
export const FORWARDED_PORT = 8443;

/** nft rules of a gateway. `pin` keeps a flow on its WAN by its mark, as multi-WAN scripts do. */
export function gatewayRules(gateway: number, nat: NatKind, pin: boolean): string {
  const translate = (family: 'ip' | 'ip6', wan: 1 | 2) =>
    nat === 'masquerade'
      ? 'masquerade'
      : `snat ${family} to ${family === 'ip' ? externalAddress(gateway, wan) : externalAddress6(gateway, wan)}`;
  return `table inet gw {
  chain lab_mangle { type filter hook prerouting priority mangle; policy accept;
${pin ? '    iifname "lan0" ct mark != 0 meta mark set ct mark' : ''}
  }
  chain lab_forwards { type nat hook prerouting priority dstnat; policy accept;
    iifname { "wan1", "wan2" } tcp dport ${FORWARDED_PORT} dnat ip to ${clientAddress(gateway, 0)}:443
  }
  chain lab_input { type filter hook input priority filter; policy drop;
    ct state established,related accept
    iifname { "lo", "lan0", "mgmt0" } accept
    meta l4proto { icmp, ipv6-icmp } accept
  }
  chain lab_forward { type filter hook forward priority filter; policy drop;
    ct state invalid counter drop
    ct state established,related accept
    iifname "lan0" oifname { "wan1", "wan2" } accept
    ct status dnat accept
  }
  chain lab_postrouting { type nat hook postrouting priority srcnat; policy accept;
${pin ? WANS.map((wan) => `    oifname "wan${wan}" ct mark set 0x${wan}00`).join('\n') : ''}
${WANS.map((wan) => `    oifname "wan${wan}" meta nfproto ipv4 ${translate('ip', wan)}\n    oifname "wan${wan}" meta nfproto ipv6 ${translate('ip6', wan)}`).join('\n')}
  }
}
`;
}

/** Providers drop source addresses of the other provider (BCP 38), and paths that a test lets fail silently. */
export function inetRules(): string {
  return `table inet isp {
  set dead { type ifname . ipv4_addr; }
  set dead6 { type ifname . ipv6_addr; }
  chain lab_pre { type filter hook prerouting priority raw; policy accept;
    iifname . ip saddr @dead drop
    iifname . ip6 saddr @dead6 drop
    meta l4proto ipv6-icmp accept
    iifname "isp2" ip saddr 198.18.0.0/16 drop
    iifname "isp1" ip saddr 198.19.0.0/16 drop
    iifname "isp2" ip6 saddr 2001:db8:18::/64 drop
    iifname "isp1" ip6 saddr 2001:db8:19::/64 drop
    ip daddr ${BLACK_HOLE} drop
  }
  chain lab_out { type filter hook output priority raw; policy accept;
    oifname . ip daddr @dead drop
    oifname . ip6 daddr @dead6 drop
    icmp type destination-unreachable drop
  }
}
`;
}
