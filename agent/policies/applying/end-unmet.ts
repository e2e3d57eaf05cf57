import { canStop } from '../../conntrack/effects/stops.ts';
import type { EffectsAsk, Regime } from '../../conntrack/effects-ask.ts';
import type { ConntrackTable, FlowContext } from '../../conntrack/table.ts';
import { FleetError } from '../../../proto/model/error-codes.ts';
import type { ChangeRecord } from './change-record.ts';
import { rulesIn } from '../rules-in.ts';
import { regimeOf } from '../effects/regime.ts';

/** Flows that did not meet a stricter mode. */
export interface EndedUnmet {
  ended: number;
  /** That are there still: protected, or not to be ended. */
  left: number;
  /** Why none, or no more, could be ended. */
  why?: string;
}

export interface EndingHands {
  table: Pick<ConntrackTable, 'effects' | 'areThere' | 'delete'>;
  context: () => FlowContext;
  own: () => readonly string[];
  /** Throws GUARD_REFUSED where the gateway's owner does not allow so many flows to be ended. */
  allow: (flows: number, tableCount: number) => void;
}

/** What became of such flows, in sentences. */
export function unmetSentences({ ended, left, why }: EndedUnmet): string[] {
  return [
    `${ended} connections have ended that do not meet a stricter mode.`,
    ...(left > 0 ? [`${left} more do not meet it and go on: they are protected, or could not be ended.`] : []),
    ...(why === undefined ? [] : [why]),
  ];
}

/** Of one look at the table. */
const AT_ONCE = 10_000;

/** True if a change makes a mode so strict that flows may have to end. */
export function endsUnmet(record: ChangeRecord): boolean {
  const { before, after } = modesOf(record);
  return canStop(before.modes, after.modes);
}

/**
 * Ends the flows that do not meet a mode which has become stricter: none is ended for anything else, and each is looked at again first. No
 * more are ended than there are at the first look, whatever comes back meanwhile. What is denied needs no end, since none of its packets
 * passes.
 */
export async function endUnmet(record: ChangeRecord, { table, context, own, allow }: EndingHands): Promise<EndedUnmet> {
  if (!table.effects) return { ended: 0, left: 0 };
  const ask: EffectsAsk = { ...modesOf(record), own: own(), spared: record.spared, maxFlows: AT_ONCE };
  let ended = 0;
  for (let most = Infinity; ;) {
    const { stopped, stoppedLeft, tableCount } = await table.effects({ ...ask, context: context() });
    const left = stopped.length + stoppedLeft;
    if (most === Infinity) most = left;
    const free = stopped.filter(({ protectedBy }) => protectedBy === undefined).slice(0, most - ended);
    if (free.length === 0) return { ended, left };
    try {
      allow(free.length, tableCount);
    } catch (error) {
      if (error instanceof FleetError) return { ended, left, why: error.message };
      throw error;
    }
    const isThere = await table.areThere(free);
    const outcomes = await table.delete(free.filter((_, index) => isThere[index]));
    const deleted = outcomes.filter((outcome) => outcome === 'deleted').length;
    ended += deleted;
    if (deleted === 0) return { ended, left };
  }
}

/** What the record says of modes before and after. What denies is as if it let everything pass: it ends nothing. */
function modesOf({ changes, held }: ChangeRecord): { before: Regime; after: Regime } {
  const { from } = changes.table ?? {};
  const before = changes.table ? (from ? rulesIn({ table: from, strange: [] }).rules : []) : held.rules;
  const [was, becomes] = [before, held.rules].map((rules): Regime => {
    const { modes, ...rest } = regimeOf({ rules, helpers: [], settings: {}, table: undefined });
    return {
      ...rest,
      off: [],
      helpers: [],
      limits: [],
      idle: [],
      modes: modes.map((one) => (one.mode === 'deny' ? { ...one, mode: 'loose' } : one)),
    };
  });
  return { before: was!, after: becomes! };
}
