/**
 * How the authority is replaced while the fleet runs.
 *
 *     steady ── prepare ──▶ prepared ── switch ──▶ switched ── retire ──▶ steady, with the next
 *       ▲                    │    ▲                  │
 *       └────── back ────────┘    └────── back ──────┘
 *
 * In `prepared` and `switched` both issuers are trusted, by controllers and by gateways. A gateway is always shown the chain of the current
 * issuer, which one that was away since before `prepare` trusts, unless it names the root of the next as one that it trusts. What a step
 * leaves behind is no longer trusted, so `retire` wants that no gateway is on the current issuer any more, `back` from `prepared` that none
 * is on the next; `switch`, and `back` from `switched`, change only who signs.
 */
export const PHASES = ['steady', 'prepared', 'switched'] as const;
export type Phase = (typeof PHASES)[number];
export const STEPS = ['prepare', 'switch', 'retire', 'back'] as const;
export type Step = (typeof STEPS)[number];

/** Ids of issuers. `next`: in every phase but `steady`. */
export interface Rotation {
  phase: Phase;
  current: string;
  next?: string;
}

const POSSIBLE: Readonly<Record<Phase, readonly Step[]>> = {
  steady: ['prepare'],
  prepared: ['switch', 'back'],
  switched: ['retire', 'back'],
};

/** What may be done in a phase. */
export function stepsOf(phase: Phase): readonly Step[] {
  return POSSIBLE[phase];
}

/** Who signs gateways. */
export function signerOf({ phase, current, next }: Rotation): string {
  return phase === 'switched' ? next! : current;
}

/** Whose certificates are accepted; whoever signs first. */
export function trustedOf({ phase, current, next }: Rotation): string[] {
  if (next === undefined) return [current];
  return phase === 'switched' ? [next, current] : [current, next];
}

/** What a step leads to, and the issuer that is no longer trusted then. Undefined where the phase does not have the step. */
export function follow(rotation: Rotation, step: Step, next?: string): { rotation: Rotation; leaves?: string } | undefined {
  const { phase, current } = rotation;
  if (!POSSIBLE[phase].includes(step)) return undefined;
  switch (step) {
    case 'prepare':
      return next === undefined ? undefined : { rotation: { phase: 'prepared', current, next } };
    case 'switch':
      return { rotation: { ...rotation, phase: 'switched' } };
    case 'retire':
      return { rotation: { phase: 'steady', current: rotation.next! }, leaves: current };
    case 'back':
      return phase === 'switched'
        ? { rotation: { ...rotation, phase: 'prepared' } }
        : { rotation: { phase: 'steady', current }, leaves: rotation.next };
  }
}

/** A gateway, and the issuer of the certificate that it last used; undefined if that is not known. */
export interface OnIssuer {
  id: string;
  name: string;
  issuer?: string;
}

/** The gateways that could not come back if an issuer were no longer trusted. */
export function strandedBy<G extends OnIssuer>(leaves: string | undefined, gateways: readonly G[]): G[] {
  return leaves === undefined ? [] : gateways.filter(({ issuer }) => issuer === undefined || issuer === leaves);
}
