import { clientAddress, clientAddress6, externalAddress, externalAddress6, WANS, type WanNumber } from './topology.ts';

/**
 * How a gateway chooses a WAN. `standby`: two default routes, the lower metric wins. `balanced`: one default route with a next hop on each
 * WAN. `policy`: as `standby`, and a rule routes some clients via wan2. `single`: there is only wan1.
 */
export type Routing = 'standby' | 'balanced' | 'policy' | 'single';

export type IpFamily = '-4' | '-6';
export const IP_FAMILIES: readonly IpFamily[] = ['-4', '-6'];

/**
 * Table of the `ip rule` for wan2 if routing is `policy`. It has no `unreachable`, so these clients fall back to the main table when wan2
 * is down.
 */
export const POLICY_TABLE = 112;
const FIRST_POLICY_CLIENT = 16_500;

/** The number of a client that is routed via wan2 if routing is `policy`. */
export function policyClient(index: number): number {
  return FIRST_POLICY_CLIENT + index;
}

/** The WANs of a gateway. */
export function wansOf(routing: Routing): readonly WanNumber[] {
  return routing === 'single' ? [1] : WANS;
}

/** The provider's router. */
export function nextHop(family: IpFamily, wan: WanNumber): string {
  return family === '-4' ? `198.${17 + wan}.0.1` : `2001:db8:${17 + wan}::1`;
}

/** Arguments of `ip route replace` that give a WAN its default route, or its share of one. */
export function defaultRoute(family: IpFamily, wan: WanNumber, routing: Routing): string[] {
  if (routing === 'balanced')
    return [
      'default',
      'metric',
      '10',
      ...WANS.flatMap((one) => ['nexthop', 'via', nextHop(family, one), 'dev', `wan${one}`, 'weight', '1']),
    ];
  return ['default', 'via', nextHop(family, wan), 'dev', `wan${wan}`, 'metric', String(wan * 10)];
}

/**
 * Default routes and rules of a gateway. A table for marks ends in `unreachable`; otherwise traffic "from wan1's address" would leave via
 * wan2.
 */
export function routingBatch(n: number, family: IpFamily, routing: Routing): string {
  const from = (wan: WanNumber) => (family === '-4' ? externalAddress(n, wan) : externalAddress6(n, wan));
  const defaults = new Set(wansOf(routing).map((wan) => `route add ${defaultRoute(family, wan, routing).join(' ')}`));
  const own = wansOf(routing).map(
    (wan) => `route add default via ${nextHop(family, wan)} dev wan${wan} table 10${wan}
route add unreachable default metric 65000 table 10${wan}
rule add fwmark 0x${wan}00/0xf00 lookup 10${wan} pref 100${wan}
rule add from ${from(wan)} lookup 10${wan} pref 200${wan}`,
  );
  const policy =
    routing === 'policy'
      ? [
          `route add default via ${nextHop(family, 2)} dev wan2 table ${POLICY_TABLE}`,
          `rule add from ${policyPrefix(n, family)} lookup ${POLICY_TABLE} pref 3000`,
        ]
      : [];
  return `${[...defaults, ...own, ...policy].join('\n')}\n`;
}

/** The upper half of the clients of IPv4, and a quarter of those of IPv6; the first policy client is in both. */
function policyPrefix(n: number, family: IpFamily): string {
  return family === '-4' ? `${clientAddress(n, 16_000).replace(/\.\d+$/, '.0')}/18` : `${clientAddress6(n, 0x3fff)}/114`;
}
