import { PROTOCOLS } from './protocol.ts';

/** One way to recognise a service: protocol and, if any, destination ports of the original tuple. */
export interface ServiceRule {
  proto: number;
  ports?: [number, number][];
}

const { tcp, udp, esp, ah, gre, icmp, icmpv6 } = PROTOCOLS;

/** Named service sets for `app:`. The original destination port decides. */
export const SERVICES: Record<string, ServiceRule[]> = {
  sip: [
    { proto: udp, ports: [[5060, 5061]] },
    { proto: tcp, ports: [[5060, 5061]] },
  ],
  rtp: [{ proto: udp, ports: [[10000, 20000]] }],
  dns: [
    { proto: udp, ports: [[53, 53]] },
    {
      proto: tcp,
      ports: [
        [53, 53],
        [853, 853],
      ],
    },
  ],
  web: [
    {
      proto: tcp,
      ports: [
        [80, 80],
        [443, 443],
        [8080, 8080],
        [8443, 8443],
      ],
    },
    { proto: udp, ports: [[443, 443]] },
  ],
  ipsec: [
    { proto: esp },
    { proto: ah },
    {
      proto: udp,
      ports: [
        [500, 500],
        [4500, 4500],
      ],
    },
  ],
  pptp: [{ proto: gre }, { proto: tcp, ports: [[1723, 1723]] }],
  wireguard: [{ proto: udp, ports: [[51820, 51820]] }],
  openvpn: [
    { proto: udp, ports: [[1194, 1194]] },
    { proto: tcp, ports: [[1194, 1194]] },
  ],
  ssh: [{ proto: tcp, ports: [[22, 22]] }],
  rdp: [
    { proto: tcp, ports: [[3389, 3389]] },
    { proto: udp, ports: [[3389, 3389]] },
  ],
  mail: [
    {
      proto: tcp,
      ports: [
        [25, 25],
        [110, 110],
        [143, 143],
        [465, 465],
        [587, 587],
        [993, 993],
        [995, 995],
      ],
    },
  ],
  ntp: [{ proto: udp, ports: [[123, 123]] }],
  ping: [{ proto: icmp }, { proto: icmpv6 }],
};

/** The service of a protocol and an original destination port; the first match, undefined if there is none. */
export function serviceOf(proto: number, dport: number | undefined): string | undefined {
  for (const [name, rules] of Object.entries(SERVICES)) {
    for (const rule of rules) {
      if (rule.proto !== proto) continue;
      if (!rule.ports || (dport !== undefined && rule.ports.some(([from, to]) => dport >= from && dport <= to))) return name;
    }
  }
  return undefined;
}
