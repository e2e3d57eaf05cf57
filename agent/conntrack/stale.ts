import { STALE_REASONS } from '../../proto/model/stale.ts';

/** Why a flow is stale, or that it is not; the column `stale` holds their numbers, NaN where the gateway cannot know. */
export const STALENESS = ['no', ...STALE_REASONS] as const;
export type Staleness = (typeof STALENESS)[number];

/** Where a packet would leave the gateway. `elsewhere` is the LAN, a tunnel or the gateway itself; `several` are next hops that a hash chooses from, or a route that could not be asked for. */
export type Way =
  | { kind: 'wan'; wan: number; isWorking: boolean }
  | { kind: 'elsewhere' | 'nowhere' | 'several' };

/** One flow of a WAN, as far as its fate depends on routes. */
export interface Sight {
  wan: number;
  /** Its interface is up, and what is probed through it has not fallen silent. */
  isWanWorking: boolean;
  /** Its outer address is on an interface now. */
  isAddressThere: boolean;
  /** It came in from outside, so that only its answers are routed by the gateway. */
  isInbound: boolean;
  /** The route of its packets as they are, with the mark that it carries. */
  way: Way;
  /** The route of a flow that began now, without a mark. */
  newWay: Way;
  /** How its WAN's rules translate; undefined where they cannot be read, or do both. */
  nat: 'masquerade' | 'snat' | undefined;
  /** The rules give its packets marks that the entry does not tell, and routes depend on marks. */
  isMarkHidden: boolean;
  /** It has had a packet since its WAN lost the route. */
  hadPacketSince: boolean;
  /** It began while its WAN still had the route; undefined where nobody saw it lose it. */
  beganBefore: boolean | undefined;
}

/**
 * Whether deleting this flow would heal it; undefined where the gateway cannot know. Holds what was measured on 6.18 over NAT, pinning and kinds of failure (docs/stale-flows.md):
 *
 * - While no WAN works that a new flow would take, deleting heals nothing: that is carrier loss, where the route stays.
 * - An entry that `masquerade` made is dropped by the kernel itself at its next packet when the route leads out elsewhere (nf_nat_oif_changed),
 *   but only in the original direction; `snat` keeps its address, and its packets are thrown away by the other provider.
 * - A mark that is restored keeps a flow on a WAN that is dead, whatever the NAT.
 */
export function staleness({ wan, isWanWorking, isAddressThere, isInbound, way, newWay, nat, isMarkHidden, hadPacketSince, beganBefore }: Sight): Staleness | undefined {
  if (!isAddressThere) return newWay.kind === 'several' ? undefined : newWay.kind === 'wan' && newWay.isWorking ? 'address-gone' : 'no';
  if (way.kind === 'elsewhere') return 'no';
  if (way.kind === 'several') return undefined;
  if (way.kind === 'wan' && way.wan !== wan) {
    if (!way.isWorking) return 'no';
    if (isMarkHidden) return undefined;
    // A service on a second WAN whose answers never went out by it was not moved; some providers let that through.
    if (isInbound) return beganBefore === undefined ? undefined : beganBefore ? 'route-moved' : 'no';
    if (nat === undefined) return hadPacketSince ? 'route-moved' : undefined;
    return nat === 'snat' ? 'route-moved' : 'no';
  }
  if (isWanWorking) return 'no';
  if (newWay.kind === 'several') return undefined;
  if (newWay.kind !== 'wan' || newWay.wan === wan || !newWay.isWorking) return 'no';
  return isMarkHidden ? undefined : 'wan-down';
}
