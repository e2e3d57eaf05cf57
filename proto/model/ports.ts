import { PROTOCOLS } from './protocol.ts';

type Transport = 'tcp' | 'udp';

/** Port names as registered by IANA and printed by ss, tcpdump and services(5), with the protocols that use them. */
const PORTS: Record<string, readonly [port: number, ...protocols: Transport[]]> = {
  'ftp-data': [20, 'tcp'],
  ftp: [21, 'tcp'],
  ssh: [22, 'tcp'],
  telnet: [23, 'tcp'],
  smtp: [25, 'tcp'],
  domain: [53, 'tcp', 'udp'],
  dns: [53, 'tcp', 'udp'],
  bootps: [67, 'udp'],
  bootpc: [68, 'udp'],
  tftp: [69, 'udp'],
  http: [80, 'tcp'],
  kerberos: [88, 'tcp', 'udp'],
  pop3: [110, 'tcp'],
  sunrpc: [111, 'tcp', 'udp'],
  ntp: [123, 'udp'],
  imap: [143, 'tcp'],
  imap2: [143, 'tcp'],
  snmp: [161, 'udp'],
  snmptrap: [162, 'udp'],
  'snmp-trap': [162, 'udp'],
  bgp: [179, 'tcp'],
  ldap: [389, 'tcp'],
  https: [443, 'tcp'],
  'microsoft-ds': [445, 'tcp'],
  isakmp: [500, 'udp'],
  syslog: [514, 'udp'],
  submission: [587, 'tcp'],
  ldaps: [636, 'tcp'],
  imaps: [993, 'tcp'],
  pop3s: [995, 'tcp'],
  openvpn: [1194, 'tcp', 'udp'],
  'ms-sql-s': [1433, 'tcp'],
  l2tp: [1701, 'udp'],
  pptp: [1723, 'tcp'],
  radius: [1812, 'udp'],
  'radius-acct': [1813, 'udp'],
  nfs: [2049, 'tcp'],
  mysql: [3306, 'tcp'],
  'ms-wbt-server': [3389, 'tcp', 'udp'],
  rdp: [3389, 'tcp', 'udp'],
  'ipsec-nat-t': [4500, 'udp'],
  sip: [5060, 'tcp', 'udp'],
  'sip-tls': [5061, 'tcp'],
  sips: [5061, 'tcp'],
  mdns: [5353, 'udp'],
  postgresql: [5432, 'tcp'],
  'http-alt': [8080, 'tcp'],
};

/** The port of a number from 0 to 65535 or of a name, any case; undefined if it is neither. */
export function portNumber(text: string): number | undefined {
  return portNamed(text)?.port ?? (/^\d{1,5}$/.test(text) && Number(text) <= 65_535 ? Number(text) : undefined);
}

/** What a port name stands for, in any case. */
export function portNamed(text: string): { port: number; protocols: Transport[] } | undefined {
  const name = text.toLowerCase();
  if (!Object.hasOwn(PORTS, name)) return undefined;
  const [port, ...protocols] = PORTS[name]!;
  return { port, protocols };
}

/** The number of a protocol whose tuples carry ports, by name. */
export function transportNumber(text: string): number | undefined {
  const name = text.toLowerCase();
  return name === 'tcp' || name === 'udp' || name === 'sctp' || name === 'dccp' || name === 'udplite' ? PROTOCOLS[name] : undefined;
}
