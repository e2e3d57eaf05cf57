import type { NumberRange } from '../block/packets.ts';

/** Where a helper listens unless a rule says otherwise. */
export interface HelperPort {
  proto: 'tcp' | 'udp';
  port: number;
}

/** Helpers by the kernel's names, with their usual ports and what does not work without them. */
export const HELPERS: Readonly<Record<string, { ports: readonly HelperPort[]; help: string }>> = {
  ftp: { ports: [{ proto: 'tcp', port: 21 }], help: 'active and passive data connections of FTP' },
  sip: {
    ports: [
      { proto: 'udp', port: 5060 },
      { proto: 'tcp', port: 5060 },
    ],
    help: 'the voice of calls whose addresses SIP carries inside its messages',
  },
  tftp: { ports: [{ proto: 'udp', port: 69 }], help: 'the answers of TFTP, which come from another port' },
  pptp: { ports: [{ proto: 'tcp', port: 1723 }], help: 'the GRE tunnels of PPTP behind NAT' },
  irc: { ports: [{ proto: 'tcp', port: 6667 }], help: 'DCC transfers of IRC' },
  amanda: { ports: [{ proto: 'udp', port: 10_080 }], help: 'the data connections of Amanda backups' },
  'netbios-ns': { ports: [{ proto: 'udp', port: 137 }], help: 'answers to broadcast name queries' },
  sane: { ports: [{ proto: 'tcp', port: 6566 }], help: 'the data connections of network scanners' },
  snmp: { ports: [{ proto: 'udp', port: 161 }], help: 'answers to broadcast SNMP queries' },
  RAS: { ports: [{ proto: 'udp', port: 1719 }], help: 'the registration of H.323' },
  'Q.931': { ports: [{ proto: 'tcp', port: 1720 }], help: 'the calls of H.323' },
};

/** Helpers of a protocol with one of these usual ports; without ports, with any. */
export function helpersAt(proto: string, ports: readonly NumberRange[] | undefined): string[] {
  return Object.entries(HELPERS)
    .filter(([, helper]) =>
      helper.ports.some((at) => at.proto === proto && (ports?.some(({ from, to }) => from <= at.port && at.port <= to) ?? true)),
    )
    .map(([name]) => name);
}
