/**
 * What a policy would do to flows that are there now.
 *
 *   stopped             they end when it is put in force: a rule that no longer allows them, or a stricter mode that they do not meet
 *   over-limit          they are above a limit of now on; they stay, and no more come in until there are fewer
 *   loses-tracking      their next packet gets no entry: mode off
 *   loses-helper        a helper that they have is no longer used for new ones
 *   timeout-shortens    they end sooner than by now, if they are idle
 */
export const EFFECT_KINDS = ['stopped', 'over-limit', 'loses-tracking', 'loses-helper', 'timeout-shortens'] as const;
export type EffectKind = (typeof EFFECT_KINDS)[number];

/** `path` is the value of the policy that does it, as of an origin; `why` is a sentence. */
export interface PolicyEffect {
  kind: EffectKind;
  path: string;
  flows: number;
  why: string;
}
