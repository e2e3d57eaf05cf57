import type { Client } from '../client/client.ts';
import { refusesNewFlows, numberToConfirm } from '../client/words/block-words.ts';
import { awaitsApproval, deleteWords } from '../client/words/plan-words.ts';
import type { Plan } from '../proto/http/plans.ts';
import { routes } from '../proto/http/routes.ts';
import { has, valueOf, type Call, type Given } from './command.ts';
import { checkExpected, confirmNumber } from './confirm.ts';
import { Ended, EXIT, UsageError } from './exit-codes.ts';
import { followFlush } from './follow-flush.ts';
import type { Io } from './io.ts';
import { parseExpect } from './numbers.ts';
import { planLines } from './plan-shown.ts';

/** Throws UsageError where nobody can be asked and the command line does not answer for them. To be called before a plan is made. */
export function checkConsent(given: Given, { isInputTerminal }: Pick<Io, 'isInputTerminal'>): void {
  const expect = valueOf(given, 'expect');
  if (expect !== undefined) parseExpect(expect);
  if (has(given, 'dry-run')) return;
  if (has(given, 'yes') && expect === undefined) throw new UsageError('--yes needs --expect N: how many there must be');
  if (!isInputTerminal && !has(given, 'yes'))
    throw new UsageError('Standard input is not a terminal: --yes and --expect N say what a person would');
}

/** Shows a plan, has it confirmed, runs it and follows the flush. Throws Ended where nothing was touched. */
export async function confirmAndRun(call: Call, client: Client, plan: Plan): Promise<number> {
  const { io, given } = call;
  // From here on, Ctrl-C must not leave it unsaid whether a flush has begun, and which.
  let isInterrupted = false;
  const off = io.onInterrupt(() => (isInterrupted = true));
  try {
    for (const line of planLines(plan, io.now())) io.say(line);
    checkRunnable(plan, given);
    if (has(given, 'dry-run')) {
      io.say(`Nothing was touched. To run it: ctfleet plans run ${plan.id}`);
      return EXIT.done;
    }
    const isTyped = plan.friction === 'type-count' || plan.friction === 'second-person';
    if (!has(given, 'yes')) await confirmNumber(io, {}, { ...numberToConfirm(plan), question: deleteWords(plan), isTyped });
    if (isInterrupted) throw new Ended(EXIT.interrupted, 'interrupted; nothing was touched');
    const body = { digest: plan.digest, waves: !has(given, 'no-waves') };
    const { flushId } = await client.call(routes.runPlan, { params: { id: plan.id }, body });
    return await followFlush(call, client, flushId, () => isInterrupted);
  } finally {
    off();
  }
}

/** Throws Ended for a plan that is not to be run, or not yet. */
function checkRunnable(plan: Plan, given: Given): void {
  const { totals, id } = plan;
  if (totals.flows === 0 && !refusesNewFlows(plan))
    throw totals.leftOut > 0
      ? new Ended(EXIT.partial, 'nothing matched on the gateways that answered; nothing was touched')
      : new Ended(EXIT.nothingMatched, 'nothing matched; nothing was touched');
  checkExpected(given, { number: totals.flows, noun: 'flows in the plan' });
  if (!awaitsApproval(plan) || has(given, 'dry-run')) return;
  const then = `Then: ctfleet plans run ${id}. Nothing was touched`;
  throw new Ended(EXIT.refused, `a second person must agree first, in the console: plan ${id}. ${then}`);
}
