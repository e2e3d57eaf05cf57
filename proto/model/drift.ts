/** Said at hello by an agent that holds a plan's `maxDrift` against its table before it begins. */
export const CHECKS_DRIFT = 'drift';
