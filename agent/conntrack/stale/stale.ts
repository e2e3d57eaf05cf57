import { STALE_REASONS } from '../../../proto/model/stale.ts';

/** Why a flow is stale, or that it is not; the column `stale` holds indexes, NaN if the gateway cannot know. */
export const STALENESS = ['no', ...STALE_REASONS] as const;
export type Staleness = (typeof STALENESS)[number];

/**
 * Where a packet would leave the gateway, and by which interface. `elsewhere` is the LAN, a tunnel or the gateway itself; `several` are
 * next hops chosen by a hash, or a route that could not be looked up.
 */
export type Way =
  | { kind: 'wan'; wan: number; isWorking: boolean; out: string }
  | { kind: 'elsewhere'; out: string }
  | { kind: 'nowhere' | 'several' };

/**
 * How the gateway treats a flow's next packet, and how it would treat the first packet of a flow that began now. Undefined means unknown.
 */
export interface Sight {
  /** The WAN it belongs to; undefined if it belongs to none, or it is not known to which. */
  own: number | undefined;
  /** That WAN's interface is up, and the address probed through it has not fallen silent. */
  isOwnWorking: boolean;
  /**
   * Its external address. `here`: on an interface, or set by a rule. `gone`: it was one of the gateway's and is on no interface.
   * `elsewhere`: another node of a pair has it now. Undefined if none of these is known.
   */
  outer: 'here' | 'gone' | 'elsewhere' | undefined;
  /** It came in by a WAN, so the gateway routes its answers. */
  isInbound: boolean;
  /** It has one of the gateway's addresses, or was translated to one set by a rule. */
  hasOuterAddress: boolean;
  way: Way;
  newWay: Way;
  /** How it was translated when it left by its WAN, judging by the current rules. */
  nat: 'masquerade' | 'snat' | 'none' | undefined;
  /** Whether a new flow would leave with another source address. */
  isSourceOther: boolean | undefined;
  /** Whether a new flow would be sent to another address or port. */
  isTargetOther: boolean | undefined;
  /** Both ends hold state that another peer does not have: TCP. */
  isConnection: boolean;
  /** It has been answered at some time. */
  isAnswered: boolean;
  /** It has had a packet since its WAN lost the route. */
  hadPacketSince: boolean;
  /** It began while its WAN still had the route; undefined if the loss was not observed. */
  beganBefore: boolean | undefined;
}

/**
 * Whether deleting this flow would heal it; undefined if the gateway cannot know. A flow that would be treated the same if it began now is
 * not stale, whatever is wrong with it. Based on measurements on 6.18 over NAT, pinning and kinds of failure (docs/stale-flows.md):
 *
 * - While the WAN that a new flow would take does not work, deleting heals nothing: as after carrier loss, when the route stays.
 * - An entry that `masquerade` made is dropped by the kernel itself at its next packet when the route leads out elsewhere
 * (nf_nat_oif_changed),
 *   but only in the original direction; `snat` keeps its address, and the other provider drops its packets.
 * - A restored mark keeps a flow on a dead WAN, whatever the NAT.
 * - An entry that began untranslated stays untranslated.
 */
export function staleness(sight: Sight): Staleness | undefined {
  const onPath = sight.isInbound ? inbound(sight) : outbound(sight);
  const onTarget = target(sight);
  return onPath !== undefined && onPath !== 'no'
    ? onPath
    : onTarget !== undefined && onTarget !== 'no'
      ? onTarget
      : onPath === 'no' && onTarget === 'no'
        ? 'no'
        : undefined;
}

/** An answered connection may still be served by its present target, and the new one would reset it. */
function target({ isTargetOther, isConnection, isAnswered }: Sight): Staleness | undefined {
  if (isTargetOther === undefined) return undefined;
  if (!isTargetOther) return 'no';
  return isConnection && isAnswered ? undefined : 'forward-changed';
}

function inbound(sight: Sight): Staleness | undefined {
  const { own, outer, way, beganBefore } = sight;
  if (outer !== 'here') return withoutAddress(sight);
  if (way.kind === 'elsewhere') return 'no';
  if (way.kind === 'several') return undefined;
  if (own === undefined) return isSame(way, sight.newWay) ? 'no' : undefined;
  if (way.kind === 'wan' && way.wan !== own) {
    // A service on a second WAN whose answers never left by it was not moved; some providers let that through.
    if (!way.isWorking) return 'no';
    return beganBefore === undefined ? undefined : beganBefore ? 'route-moved' : 'no';
  }
  return onItsWan(sight);
}

function outbound(sight: Sight): Staleness | undefined {
  const { own, outer, hasOuterAddress, way, nat, isSourceOther, hadPacketSince } = sight;
  if (outer !== 'here') return withoutAddress(sight);
  if (way.kind === 'several') return undefined;
  if (!hasOuterAddress) return untranslated(sight);
  if (own !== undefined && (way.kind === 'nowhere' || (way.kind === 'wan' && way.wan === own))) return onItsWan(sight);
  if (own === undefined) return isSame(way, sight.newWay) && isSourceOther === false ? 'no' : undefined;
  if (way.kind === 'wan' && !way.isWorking) return 'no';
  if (isSourceOther === false || nat === 'masquerade') return 'no';
  if (nat !== undefined && isSourceOther) return 'route-moved';
  return hadPacketSince && way.kind === 'wan' ? 'route-moved' : undefined;
}

/** For a flow that leaves with its sender's address. */
function untranslated(sight: Sight): Staleness | undefined {
  const { way, newWay, isSourceOther, isAnswered } = sight;
  if (newWay.kind === 'several') return undefined;
  if (!isSame(way, newWay)) {
    const isStuck = way.kind === 'nowhere' || (way.kind === 'wan' && !way.isWorking);
    return isStuck && newWay.kind === 'wan' && newWay.isWorking ? 'wan-down' : 'no';
  }
  if (way.kind === 'nowhere' || (way.kind === 'wan' && !way.isWorking) || isSourceOther === false) return 'no';
  // If an answer came, its sender knows the way back, or knew it by another way out.
  return isSourceOther === undefined || isAnswered ? undefined : 'untranslated';
}

function withoutAddress({ outer, isInbound, way, newWay, isSourceOther }: Sight): Staleness | undefined {
  if (outer === 'elsewhere' || (isSourceOther === false && isSame(way, newWay))) return 'no';
  if (outer === undefined || newWay.kind === 'several') return undefined;
  if (newWay.kind !== 'wan' || !newWay.isWorking) return 'no';
  return isInbound || isSourceOther ? 'address-gone' : undefined;
}

/** For a flow whose packets leave by its own WAN, or find no way out with its mark. */
function onItsWan({ own, isOwnWorking, way, newWay }: Sight): Staleness | undefined {
  if (isOwnWorking && way.kind === 'wan') return 'no';
  if (newWay.kind === 'several') return undefined;
  if (newWay.kind !== 'wan' || newWay.wan === own || !newWay.isWorking) return 'no';
  return isOwnWorking ? undefined : 'wan-down';
}

/** True if the same interface leads out; unknown ways are never the same. */
export function isSame(a: Way, b: Way): boolean {
  if (a.kind === 'wan') return b.kind === 'wan' && a.wan === b.wan;
  if (a.kind === 'elsewhere') return b.kind === 'elsewhere' && a.out === b.out;
  return a.kind === 'nowhere' && b.kind === 'nowhere';
}
