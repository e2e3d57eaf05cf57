/** Who is where in the lab. Pure; `gateway` counts from 1, `wan` is 1 or 2. */
export type WanNumber = 1 | 2;
export const WANS: readonly WanNumber[] = [1, 2];

export const SERVERS = ['198.51.100.10', '198.51.100.20', '198.51.100.30', '198.51.100.40'];
export const SERVERS6 = ['2001:db8:113::10', '2001:db8:113::20'];
/** Packets to this address are dropped. */
export const BLACK_HOLE = '198.51.100.66';
/** Where agents reach the controller. */
export const CONTROLLER_ADDRESS = 'fd42:c7f1::1';

/** The gateway's external IPv4 address at a provider. */
export function externalAddress(gateway: number, wan: WanNumber): string {
  return `198.${17 + wan}.${Math.floor((gateway + 10) / 250)}.${((gateway + 10) % 250) + 1}`;
}

/** The gateway's external IPv6 address at a provider. */
export function externalAddress6(gateway: number, wan: WanNumber): string {
  return `2001:db8:${17 + wan}::${(gateway + 16).toString(16)}`;
}

/** A client in the gateway's LAN; any number up to 32,000 without adding addresses. */
export function clientAddress(gateway: number, client: number): string {
  return `10.${gateway}.${128 + (Math.floor(client / 250) % 128)}.${(client % 250) + 1}`;
}

export function clientAddress6(gateway: number, client: number): string {
  return `fd00:${gateway}:1::${(client + 1).toString(16)}`;
}

export function namespaces(
  prefix: string,
  gateways: number,
): { inet: string; control: string; gateway: (n: number) => string; lan: (n: number) => string; all: string[] } {
  const gateway = (n: number) => `${prefix}-gw${n}`;
  const lan = (n: number) => `${prefix}-lan${n}`;
  const numbers = Array.from({ length: gateways }, (_, index) => index + 1);
  return {
    inet: `${prefix}-inet`,
    control: `${prefix}-ctl`,
    gateway,
    lan,
    all: [`${prefix}-inet`, `${prefix}-ctl`, ...numbers.flatMap((n) => [gateway(n), lan(n)])],
  };
}

/** `ip -batch` text for the namespace of providers and servers. */
export function inetBatch(): string {
  return `link set lo up
link add isp1 type bridge mcast_snooping 0
link add isp2 type bridge mcast_snooping 0
addr add 198.18.0.1/16 dev isp1
addr add 198.19.0.1/16 dev isp2
addr add 2001:db8:18::1/64 dev isp1 nodad
addr add 2001:db8:19::1/64 dev isp2 nodad
link set isp1 up
link set isp2 up
${SERVERS.map((server) => `addr add ${server}/32 dev lo`).join('\n')}
${SERVERS6.map((server) => `addr add ${server}/128 dev lo nodad`).join('\n')}
route add local 198.51.100.0/24 dev lo
`;
}

export function controlBatch(): string {
  return `link set lo up
link add mgmt type bridge mcast_snooping 0
addr add ${CONTROLLER_ADDRESS}/64 dev mgmt nodad
link set mgmt up
`;
}

/** Cables, made from the machine's namespace straight into the lab's. */
export function cables(prefix: string, n: number): string {
  const ns = namespaces(prefix, n);
  return `link add lan0 netns ${ns.gateway(n)} type veth peer name lan0 netns ${ns.lan(n)}
link add wan1 netns ${ns.gateway(n)} type veth peer name w1-${n} netns ${ns.inet}
link add wan2 netns ${ns.gateway(n)} type veth peer name w2-${n} netns ${ns.inet}
link add mgmt0 netns ${ns.gateway(n)} type veth peer name m-${n} netns ${ns.control}
`;
}

export function providerEnds(n: number): string {
  return WANS.map((wan) => `link set w${wan}-${n} master isp${wan}\nlink set w${wan}-${n} up\n`).join('');
}

export function controlEnd(n: number): string {
  return `link set m-${n} master mgmt\nlink set m-${n} up\n`;
}

/** Links and addresses of a gateway with these WANs. */
export function gatewayBatch(n: number, wans: readonly WanNumber[]): string {
  return `link set lo up
link set lan0 up
link set mgmt0 up
addr add 10.${n}.0.1/16 dev lan0
addr add fd00:${n}::1/64 dev lan0 nodad
addr add fd42:c7f1::${(256 + n).toString(16)}/64 dev mgmt0 nodad
${wans
  .map(
    (wan) => `link set wan${wan} up
addr add ${externalAddress(n, wan)}/16 dev wan${wan}
addr add ${externalAddress6(n, wan)}/64 dev wan${wan} nodad`,
  )
  .join('\n')}
route add 10.${n}.128.0/17 via 10.${n}.0.2
`;
}

/** The IPv6 route of a gateway to its clients; `-6` cannot stand inside a batch. */
export function gatewayBatch6(n: number): string {
  return `route add fd00:${n}:1::/64 via fd00:${n}::2\n`;
}

/** A LAN whose host answers for thousands of clients: a local route makes every address of the range its own. */
export function lanBatch(n: number): string {
  return `link set lo up
link set lan0 up
addr add 10.${n}.0.2/16 dev lan0
addr add fd00:${n}::2/64 dev lan0 nodad
route add default via 10.${n}.0.1
route add local 10.${n}.128.0/17 dev lo
`;
}

export function lanBatch6(n: number): string {
  return `route add default via fd00:${n}::1\nroute add local fd00:${n}:1::/64 dev lo\n`;
}
