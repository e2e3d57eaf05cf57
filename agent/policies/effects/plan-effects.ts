import type { EffectsAnswer, EffectsAsk, Regime } from '../../conntrack/effects-ask.ts';
import type { ConntrackTable, FlowContext } from '../../conntrack/table.ts';
import type { ActualPolicy } from '../../../proto/model/policy/actual.ts';
import { settledValues, type PolicyDifference } from '../../../proto/model/policy/difference.ts';
import type { PolicyMatch, PolicyValues } from '../../../proto/model/policy/document.ts';
import type { PolicyTable } from '../policy-table.ts';
import { rulesetOf } from '../ruleset.ts';
import { regimeOf } from './regime.ts';

/** What a policy would change here. */
export interface PlannedChange {
  wanted: PolicyValues;
  difference: PolicyDifference;
  actual: ActualPolicy;
  /** Our table as it is. */
  found?: PolicyTable;
  /** Packets that no rule touches. */
  spared: readonly PolicyMatch[];
}

export interface EffectsHands {
  table: Pick<ConntrackTable, 'effects'>;
  context: () => FlowContext;
  own: () => readonly string[];
}

/** Of the table, or why it could not be told. */
export type PlannedEffects = Partial<EffectsAnswer> & Pick<EffectsAnswer, 'effects' | 'stopped'> & { unknown?: string };

/** What the flows of now would meet, as the gateway's own table has them. Throws what the table throws. */
export async function plannedEffects(
  change: PlannedChange,
  { table, context, own }: EffectsHands,
  { maxFlows, signal }: { maxFlows: number; signal?: AbortSignal },
): Promise<PlannedEffects> {
  if (!table.effects) return { effects: [], stopped: [], unknown: 'This gateway’s table is in memory, and no packets pass it.' };
  const ask: EffectsAsk = { ...regimesOf(change), own: own(), spared: change.spared, maxFlows };
  const answer = await table.effects({ ...ask, context: context(), signal });
  return answer.untold > 0 ? { ...answer, unknown: whyUntold(answer.untold) } : answer;
}

function regimesOf({ wanted, difference, actual, found, spared }: PlannedChange): { before: Regime; after: Regime } {
  const { rules: before = [], helpers: helpersBefore = [] } = actual.table ?? {};
  const { settings, rules, helpers } = settledValues(wanted, difference);
  const changed = Object.fromEntries(settings.map(({ setting, to }) => [setting, to]));
  return {
    before: regimeOf({ rules: before, helpers: helpersBefore, settings: actual.settings, table: found }),
    after: regimeOf({
      rules,
      helpers,
      settings: { ...actual.settings, ...changed },
      table: rulesetOf({ rules, helpers, timeouts: wanted.timeouts, spared }),
    }),
  };
}

function whyUntold(flows: number): string {
  return (
    `Of ${flows} flows it cannot be told: they may match a rule by an interface or by the mark of their packets, and an entry has neither. ` +
    'They are in no other number.'
  );
}
