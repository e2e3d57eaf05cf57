import type { FlowRow } from '../../proto/http/flows.ts';
import { brief, lasting } from './format.ts';

type IdleOf = Pick<FlowRow, 'idleSeconds' | 'idleBounds'>;

/** How long a flow has been idle, as a cell holds it: exact, a bound, or a dash where nothing is known. */
export function idleCell({ idleSeconds, idleBounds }: IdleOf): string {
  if (idleSeconds !== undefined) return brief(idleSeconds);
  if (!idleBounds) return '–';
  if (idleBounds.atLeast > 0) return `≥${brief(idleBounds.atLeast)}`;
  return idleBounds.atMost === undefined ? '–' : `≤${brief(idleBounds.atMost)}`;
}

/** The same in words, with why a bound is all there is. */
export function idleWords({ idleSeconds, idleBounds }: IdleOf): string {
  if (idleSeconds !== undefined) return lasting(idleSeconds);
  if (!idleBounds) return `not known${UNSURE}`;
  const { atLeast, atMost } = idleBounds;
  if (atMost === undefined) return `${lasting(atLeast)} at least${UNSURE}`;
  return atLeast > 0 ? `between ${lasting(atLeast)} and ${lasting(atMost)}${UNSURE}` : `${lasting(atMost)} at most${UNSURE}`;
}

const UNSURE = ': something other than the gateway’s own timeouts may have set what remains';
