import path from 'node:path';

/** Node runs TypeScript with enums only if it is told to. */
export const NODE_FLAGS = ['--experimental-transform-types', '--disable-warning=ExperimentalWarning'];
/** Preloaded with --import, it plants the bug that CTFLEET_SEEDED_BUG names. */
export const PLANT = path.join(import.meta.dirname, 'seeded-bugs/plant.ts');
