import { suspectWans, type Attention, type Watched, type Why, WHYS } from './attention.ts';
import { wanFault, type WanFault } from './wan-fault.ts';

/** What a fleet comes to, in numbers. */
export interface FleetFigures {
  gateways: number;
  sites: number;
  states: Record<Watched['state'], number>;
  /** In the tables of all gateways that are online. */
  flows: number;
  /** The largest share of a limit that is used, on any gateway that is online; 0 while none is known. */
  highestShare: number;
  /** WANs that do not work, whatever their gateway. */
  faults: Record<WanFault, number>;
  /** Gateways by the first reason why they need attention. */
  needs: Record<Why, number>;
  /** Flows on gateways that need attention because flows are stuck. */
  stuckFlows: number;
}

/** Of no gateway. */
export function noFigures(): FleetFigures {
  return {
    gateways: 0,
    sites: 0,
    states: { online: 0, reconnecting: 0, offline: 0, 'never-connected': 0, revoked: 0, 'set-aside': 0 },
    flows: 0,
    highestShare: 0,
    faults: { down: 0, 'not answering': 0 },
    needs: Object.fromEntries(WHYS.map((why) => [why, 0])) as Record<Why, number>,
    stuckFlows: 0,
  };
}

/** Adds one gateway to figures; sites are counted by whoever knows which were seen. */
export function addGateway(figures: FleetFigures, gateway: Watched, attention: Attention | undefined): void {
  figures.gateways += 1;
  figures.states[gateway.state] += 1;
  for (const wan of gateway.wans) {
    const fault = wanFault(wan);
    if (fault) figures.faults[fault] += 1;
  }
  if (gateway.state === 'online' && gateway.usage) {
    figures.flows += gateway.usage.count;
    figures.highestShare = Math.max(figures.highestShare, shareOf(gateway) ?? 0);
  }
  if (!attention) return;
  figures.needs[attention.why] += 1;
  figures.stuckFlows += attention.flows ?? 0;
}

/** The share of its limit that a gateway uses; undefined while unknown. */
export function shareOf({ usage }: Pick<Watched, 'usage'>): number | undefined {
  return usage?.max ? usage.count / usage.max : undefined;
}

/** Whether flows may be stuck there, so that it is worth asking the gateway itself. */
export function isSuspect(gateway: Watched): boolean {
  return gateway.state === 'online' && suspectWans(gateway).length > 0;
}
