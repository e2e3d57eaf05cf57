/** Capability reported at hello by an agent that checks a plan's `maxDrift` against its table before it starts. */
export const CHECKS_DRIFT = 'drift';
