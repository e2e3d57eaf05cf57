/** Protocols with a name in ctfleet; any other is written as its number. Numbers from IANA. */
export const PROTOCOLS = {
  icmp: 1,
  igmp: 2,
  ipip: 4,
  tcp: 6,
  udp: 17,
  dccp: 33,
  ipv6: 41,
  gre: 47,
  esp: 50,
  ah: 51,
  icmpv6: 58,
  ospf: 89,
  vrrp: 112,
  sctp: 132,
  udplite: 136,
} as const;

export type ProtocolName = keyof typeof PROTOCOLS;

const NAMES = new Map<number, string>(Object.entries(PROTOCOLS).map(([name, number]) => [number, name]));

/** The name of a protocol number, or the number as text. */
export function protocolName(proto: number): string {
  return NAMES.get(proto) ?? String(proto);
}

/** The number of a protocol given by name (any case, `ipv6-icmp` and `icmp6` too) or number; undefined if it is neither. */
export function protocolNumber(text: string): number | undefined {
  const name = text.toLowerCase();
  if (name === 'ipv6-icmp' || name === 'icmp6') return PROTOCOLS.icmpv6;
  if (Object.hasOwn(PROTOCOLS, name)) return PROTOCOLS[name as ProtocolName];
  return /^\d{1,3}$/.test(name) && Number(name) <= 255 ? Number(name) : undefined;
}

/** True if tuples carry ports. */
export function hasPorts(proto: number): boolean {
  return proto === 6 || proto === 17 || proto === 33 || proto === 132 || proto === 136;
}

/** True if tuples carry the type, code and id of ICMP. */
export function hasIcmp(proto: number): boolean {
  return proto === PROTOCOLS.icmp || proto === PROTOCOLS.icmpv6;
}

/** True if tuples carry keys, or the call ids of PPTP. */
export function hasKeys(proto: number): boolean {
  return proto === PROTOCOLS.gre;
}
