import { planBody, suggestedReason } from '../client/words/plan-words.ts';
import { methodOf } from '../client/words/method-words.ts';
import type { Plan } from '../proto/http/plans.ts';
import { routes } from '../proto/http/routes.ts';
import { toPrintable } from '../proto/model/text.ts';
import { has, valueOf, type Call, type Command, type OptionGroup } from './command.ts';
import { UsageError } from './exit-codes.ts';
import { problemOfFilter } from './filter-problem.ts';
import { numberOf } from './numbers.ts';
import { CONFIRM, GENERAL, OUTPUT, SCOPE, SELECTION } from './options.ts';
import { checkConsent, confirmAndRun } from './run-plan.ts';
import { scopeOf } from './scope.ts';
import { filterOf } from './select.ts';

/** Commands that end flows, by their methods: each makes a plan, shows it, asks, runs and follows it. */
export const ENDING: readonly Command[] = (['delete', 'reset', 'block', 'expire'] as const).map((method): Command => ({
  words: ['flows', method],
  summary: `${methodOf(method).word}s flows, once a plan of them was shown and confirmed`,
  details: methodOf(method).does,
  groups: [SELECTION, SCOPE, endingOptions(method), CONFIRM, OUTPUT, GENERAL],
  examples: [
    `ctfleet flows ${method} -p udp -q 198.51.100.7 --site milano`,
    `ctfleet flows ${method} -p udp -q 198.51.100.7 --site milano --yes --expect 300..330 < /dev/null`,
  ],
  run: (call) => end(call, method),
}));

function endingOptions(method: Plan['method']): OptionGroup {
  const { forSeconds, forWords } = methodOf(method);
  return {
    title: 'How',
    options: [
      { name: 'all', words: 'every flow of the gateways, instead of a selection' },
      ...(forSeconds === undefined
        ? []
        : [{ name: 'for', value: 'SECONDS', words: `${forWords.toLowerCase()}, in seconds (${forSeconds})` }]),
      { name: 'max-drift', value: 'N', words: 'touch no gateway where more of the planned flows are gone by then' },
      { name: 'no-waves', words: 'all gateways at once, except partners of one another' },
      { name: 'dry-run', words: 'make and show the plan only' },
    ],
  };
}

async function end(call: Call, method: Plan['method']): Promise<number> {
  const { io, given } = call;
  const filter = filterOf(given, problemOfFilter);
  const isAll = has(given, 'all');
  if (isAll && filter !== '') throw new UsageError('--all means every flow; leave it out, or the selection');
  if (!isAll && filter === '') throw new UsageError('No flows are selected: name some (-p udp …), or --all for every flow of the gateways');
  checkConsent(given, io);
  const what = isAll ? ({ all: true } as const) : { filter };
  const reason = valueOf(given, 'reason') ?? suggestedReason({ what, scope: {} });
  if (reason === '') throw new UsageError('--all needs --reason: why every flow is ended');
  if (has(given, 'show-query')) io.say(toPrintable(`filter: ${filter || 'every flow'}`));
  const { forSeconds: usual } = methodOf(method);
  const forSeconds = usual === undefined ? undefined : numberOf(given, 'for', { from: 1, to: 3600, usual });
  const maxDrift = has(given, 'max-drift') ? numberOf(given, 'max-drift', { from: 0, to: 2_147_483_647, usual: 0 }) : undefined;
  const client = call.client();
  const scope = await scopeOf(client, given);
  const body = planBody({ what, scope, method, forSeconds }, reason.slice(0, 500), valueOf(given, 'ticket') ?? '');
  const plan = await client.call(routes.createPlan, { body: { ...body, maxDrift } });
  return confirmAndRun(call, client, plan);
}
