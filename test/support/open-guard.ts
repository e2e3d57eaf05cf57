import type { Guard } from '../../agent/operations/local-guard.ts';

/** That of a gateway whose owner forbids nothing. */
export const OPEN_GUARD: Guard = {
  allow: () => undefined,
  allowDeleting: () => undefined,
  allowChange: () => undefined,
  protections: () => [],
};
