import { counted, lasting } from '../client/words/format.ts';
import { foldedWords, impactWords, inOrder, deleteWords, FATES, wavesWords } from '../client/words/plan-words.ts';
import { refusedSentences, sparedSentence } from '../client/words/block-words.ts';
import type { Plan } from '../proto/http/plans.ts';
import { toPrintable } from '../proto/model/text.ts';

/** Of the gateways of a plan; the others are counted. */
const MAX_GATEWAYS = 40;

/** What a plan would end and what that would break, before anybody is asked. Every line is printable. */
export function planLines(plan: Plan, nowMs: number): string[] {
  const { impact, totals, gateways } = plan;
  const listed = inOrder(gateways.filter(({ state }) => state !== 'empty'));
  const protectedFlows = Object.entries(impact.protectedBy).map(([by, flows]) => `${counted(flows, 'flow')} by ${by}`);
  const lines = [
    `Plan ${plan.id}: ${deleteWords(plan).toLowerCase()}`,
    `  filter: ${plan.isEverything ? 'every flow' : (foldedWords(plan.filter) ?? plan.filter)}`,
    ...listed
      .slice(0, MAX_GATEWAYS)
      .map(({ name, state, flows, reason }) =>
        state === 'left-out' ? `  ${name}: left out${reason === undefined ? '' : `, ${reason}`}` : `  ${name}: ${counted(flows, 'flow')}`,
      ),
    listed.length > MAX_GATEWAYS ? `  and ${counted(listed.length - MAX_GATEWAYS, 'more gateway')}` : undefined,
    impactWords(impact, plan.method) || undefined,
    ...impact.predictions.map(({ fate, flows, why }) => `  ${counted(flows, 'flow')}: ${FATES[fate].word}. ${why}`),
    protectedFlows.length > 0 ? `Protected, and left alone: ${protectedFlows.join(', ')}.` : undefined,
    ...refusedSentences(gateways),
    sparedSentence(gateways),
    totals.leftOut > 0
      ? `${counted(totals.leftOut, 'gateway')} left out: nothing is known of ${totals.leftOut === 1 ? 'its' : 'their'} flows.`
      : undefined,
    `Order: ${wavesWords(plan, true)}. The plan holds for ${lasting((Date.parse(plan.expiresAt) - nowMs) / 1000)}.`,
  ];
  return lines.filter((line) => line !== undefined).map((line) => toPrintable(line));
}
