import type { AuthorityView } from '../../proto/http/authority.ts';
import { lasting } from './format.ts';
import type { StateKind } from './state-kind.ts';

export type End = AuthorityView['ends'][number];

export const END_KINDS: Record<End['kind'], string> = {
  root: 'root of the authority',
  intermediate: 'intermediate of the authority',
  controller: 'certificate of the controller',
};

/** A certificate of the installation that ends soon and needs somebody. */
export interface EndNeed {
  key: string;
  kind: StateKind;
  measure: string;
  what: string;
  name: string;
  remedy: string;
  hasEnded: boolean;
}

/** Those that need somebody, the nearest end first. */
export function endNeeds(ends: readonly End[], nowMs: number): EndNeed[] {
  return ends.flatMap(({ kind, name, endsAt, remedy }) => {
    if (remedy === undefined) return [];
    const leftMs = Date.parse(endsAt) - nowMs;
    return {
      key: `${kind} ${name}`,
      kind: leftMs <= 0 ? 'failed' : 'warn',
      measure: leftMs <= 0 ? 'ended' : lasting(leftMs / 1000),
      what: END_KINDS[kind],
      name,
      remedy,
      hasEnded: leftMs <= 0,
    };
  });
}

/** The heading of the overview, where no gateway needs somebody more urgently. */
export function endSentence({ what, hasEnded, measure }: EndNeed): string {
  return `The ${what} needs you first: it ${hasEnded ? 'has ended' : `ends in ${measure}`}`;
}
