import { runNowRefusal, runSentence, triggerWords } from '../client/words/remediation-words.ts';
import { routes } from '../proto/http/routes.ts';
import { toPrintable } from '../proto/model/text.ts';
import type { Command } from './command.ts';
import { Ended, EXIT } from './exit-codes.ts';
import { ASK, isConfirmed, listing } from './listing.ts';
import { GENERAL } from './options.ts';
import { everyItem, pick } from './scope.ts';

const list = listing(routes.listRemediations, {
  words: ['remediations', 'list'],
  summary: 'Remediations: what fixes itself',
  columns: [
    { name: 'name', of: ({ document }) => document.name },
    { name: 'mode', of: ({ document, isEnabled }) => (isEnabled ? document.mode : 'off') },
    { name: 'trigger', of: ({ document }) => triggerWords(document.trigger) },
    { name: 'last run', of: ({ lastRun }) => lastRun && `${lastRun.state} ${lastRun.at}` },
    { name: 'runs 30 d', of: ({ runs30Days }) => runs30Days, isRight: true },
    { name: 'flows ended 30 d', of: ({ flowsEnded30Days }) => flowsEnded30Days, isRight: true },
    { name: 'held back', of: ({ heldBack }) => heldBack?.why, isWide: true },
    { name: 'id', of: ({ id }) => id, isWide: true },
  ],
  nameOf: ({ document }) => document.name,
});

const runNow: Command = {
  words: ['remediations', 'run'],
  summary: 'Runs a remediation now, by its own mode and limits',
  args: [{ name: 'REMEDIATION', words: 'its name or id' }],
  groups: [ASK, GENERAL],
  async run({ io, given, args, client }) {
    const api = client();
    const all = await everyItem(api, routes.listRemediations);
    const id = pick(
      all.map((one) => ({ id: one.id, name: one.document.name })),
      [args[0]!],
      'remediation',
    )[0]!;
    const one = all.find((each) => each.id === id)!;
    const refusal = runNowRefusal(one);
    if (refusal !== undefined) throw new Ended(EXIT.refused, refusal);
    if (!(await isConfirmed(io, given, `Run “${one.document.name}” now, in mode ${one.document.mode}?`)))
      throw new Ended(EXIT.refused, 'not confirmed; nothing was touched');
    const { runId } = await api.call(routes.runRemediation, { params: { id } });
    const run = await api.call(routes.getRemediationRun, { params: { id: runId } });
    io.say(toPrintable(`Run ${runId}: ${runSentence(run)}`));
    return run.state === 'failed' ? EXIT.failed : run.state === 'refused' ? EXIT.refused : EXIT.done;
  },
};

const runs = listing(routes.listRemediationRuns, {
  words: ['remediations', 'runs'],
  summary: 'Runs of remediations, newest first',
  columns: [
    { name: 'triggered', of: ({ triggeredAt }) => triggeredAt },
    { name: 'remediation', of: ({ remediationName }) => remediationName },
    { name: 'gateway', of: ({ gatewayName }) => gatewayName },
    { name: 'state', of: ({ state }) => state },
    { name: 'outcome', of: runSentence },
    { name: 'id', of: ({ id }) => id, isWide: true },
  ],
  nameOf: ({ id }) => id,
});

export const REMEDIATIONS: readonly Command[] = [list, runNow, runs];
