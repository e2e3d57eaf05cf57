import type { ActualPolicy } from '../actual.ts';
import type { EffectivePolicy } from '../effective.ts';
import { warningsOfLimits } from './limits.ts';
import { warningsOfModes } from './modes.ts';
import { warningsOfSizes } from './sizes.ts';
import { warningsOfTimeouts } from './timeouts.ts';
import { SEVERITIES, type GatewayFacts, type PolicyWarning } from './warning.ts';

/** All warnings about a policy on one gateway, the gravest first. What is not known of the gateway warns of nothing. */
export function warningsOf(effective: EffectivePolicy, actual?: ActualPolicy, facts: GatewayFacts = {}): PolicyWarning[] {
  const occasion = { effective, actual, facts };
  return [warningsOfModes, warningsOfLimits, warningsOfSizes, warningsOfTimeouts]
    .flatMap((check) => check(occasion))
    .toSorted((a, b) => SEVERITIES.indexOf(b.severity) - SEVERITIES.indexOf(a.severity));
}
