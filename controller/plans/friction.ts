import type { z } from 'zod';
import type { friction } from '../../proto/http/plans.ts';

export type Friction = z.output<typeof friction>;

const FEW_FLOWS = 25;
const MANY_FLOWS = 1000;
const LARGE_SHARE = 0.2;

/** What a plan would touch, by the gateways that it touches, as far as it decides how much an operator is asked. */
export interface Reach {
  isEverything: boolean;
  tenants: number;
  sites: number;
  gateways: { flows: number; tableCount?: number; refusesAnyone?: boolean }[];
}

/** From nothing to typing the count, by how far a mistake would reach. A table of unknown size counts as a large share. */
export function frictionOf(reach: Reach): Friction {
  const flows = reach.gateways.reduce((sum, gateway) => sum + gateway.flows, 0);
  if (
    reach.isEverything ||
    reach.tenants > 1 ||
    reach.sites > 1 ||
    flows > MANY_FLOWS ||
    reach.gateways.some(({ refusesAnyone }) => refusesAnyone)
  )
    return 'type-count';
  if (flows <= FEW_FLOWS && reach.gateways.length <= 1) return 'none';
  const isLarge = reach.gateways.some(({ flows: own, tableCount }) => tableCount === undefined || own > tableCount * LARGE_SHARE);
  return isLarge ? 'type-count' : 'count-in-button';
}
