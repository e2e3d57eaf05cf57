import type { Answered } from '../client/client.ts';
import { doneOf, flushSentence, inOrder, targetWord, troubleSentence, type Target } from '../client/words/flush-words.ts';
import { foldedWords } from '../client/words/plan-words.ts';
import { routes } from '../proto/http/routes.ts';
import { toPrintable } from '../proto/model/text.ts';
import { has, type Call, type Command } from './command.ts';
import { Ended, EXIT, UsageError } from './exit-codes.ts';
import { exitOf, followFlush } from './follow-flush.ts';
import { numberOf } from './numbers.ts';
import { GENERAL, OUTPUT } from './options.ts';
import type { Column } from './output/columns.ts';
import { render } from './output/render.ts';
import { everyItem } from './scope.ts';
import { isForReading, styleOf } from './style.ts';

type FlushHead = Answered<typeof routes.listFlushes>['items'][number];

const FLUSH_ARG = [{ name: 'FLUSH', words: 'its id' }];
const ASK = { title: 'Before it is done', options: [{ name: 'yes', short: 'y', words: 'do not ask' }] };

const HEADS: readonly Column<FlushHead>[] = [
  { name: 'id', of: ({ id }) => id },
  { name: 'started', of: ({ startedAt }) => startedAt },
  { name: 'state', of: ({ state }) => state },
  { name: 'outcome', of: flushSentence },
  { name: 'by', of: ({ createdBy }) => createdBy },
  { name: 'reason', of: ({ reason }) => reason, isWide: true },
  { name: 'filter', of: ({ filter, isEverything }) => (isEverything ? 'every flow' : (foldedWords(filter) ?? filter)), isWide: true },
];

const TARGETS: readonly Column<Target>[] = [
  { name: 'gateway', of: ({ gatewayName }) => gatewayName },
  { name: 'state', of: targetWord },
  { name: 'planned', of: ({ totals }) => totals.planned, isRight: true },
  { name: 'done', of: ({ totals }) => doneOf(totals), isRight: true },
  { name: 'gone', of: ({ totals }) => totals.gone, isRight: true },
  { name: 'failed', of: ({ totals }) => totals.failed, isRight: true },
  { name: 'indeterminate', of: ({ totals }) => totals.indeterminate, isRight: true, isWide: true },
  { name: 'reason', of: ({ reason }) => reason },
];

const list: Command = {
  words: ['flushes', 'list'],
  summary: 'Flushes, newest first',
  groups: [{ title: 'Which', options: [{ name: 'limit', value: 'N', words: 'at most so many (50)' }] }, OUTPUT, GENERAL],
  async run({ io, given, client }) {
    const most = numberOf(given, 'limit', { from: 1, to: 10_000, usual: 50 });
    const rows = await everyItem(client(), routes.listFlushes, { limit: Math.min(500, most) }, most);
    io.write(render({ columns: HEADS, rows, nameOf: ({ id }) => id }, styleOf(given, io)));
    return rows.length === 0 ? EXIT.nothingMatched : EXIT.done;
  },
};

const show: Command = {
  words: ['flushes', 'show'],
  summary: 'One flush with what became of it on each gateway',
  args: FLUSH_ARG,
  groups: [OUTPUT, GENERAL],
  async run({ io, given, args, client }) {
    const flush = await client().call(routes.getFlush, { params: { id: args[0]! } });
    const style = styleOf(given, io);
    const rows = inOrder(flush.targets);
    io.write(render({ columns: TARGETS, rows, nameOf: ({ gatewayName }) => gatewayName }, style, flush));
    const sentences = [`${flushSentence(flush)}.`, troubleSentence(flush)];
    if (isForReading(style)) for (const sentence of sentences) if (sentence !== undefined) io.say(toPrintable(sentence));
    return flush.state === 'running' ? EXIT.done : exitOf(flush);
  },
};

const watch: Command = {
  words: ['flushes', 'watch'],
  summary: 'Follows a flush to its end; Ctrl-C only stops following',
  args: FLUSH_ARG,
  groups: [OUTPUT, GENERAL],
  run: ({ io, given, args, client }) => followFlush({ io, given }, client(), args[0]!),
};

const stop: Command = {
  words: ['flushes', 'stop'],
  summary: 'Stops a flush: what has not begun is left alone, what is ended stays ended',
  args: FLUSH_ARG,
  groups: [OUTPUT, GENERAL],
  async run({ io, given, args, client }) {
    const api = client();
    await api.call(routes.cancelFlush, { params: { id: args[0]! } });
    const code = await followFlush({ io, given }, api, args[0]!);
    // It was to be stopped, and is.
    return code === EXIT.partial ? EXIT.done : code;
  },
};

const undo: Command = {
  words: ['flushes', 'undo'],
  summary: 'Puts back what a flush deleted, once and within its time',
  args: FLUSH_ARG,
  groups: [ASK, OUTPUT, GENERAL],
  async run(call: Call) {
    const { io, given, args } = call;
    if (!has(given, 'yes') && !io.isInputTerminal) throw new UsageError('Standard input is not a terminal: --yes says what a person would');
    const api = call.client();
    const flush = await api.call(routes.getFlush, { params: { id: args[0]! } });
    if (!has(given, 'yes')) {
      const typed = await io.ask(toPrintable(`${flushSentence(flush)}. Put them back? [y/N] `));
      if (!/^y(es)?$/i.test(typed?.trim() ?? '')) throw new Ended(EXIT.refused, 'not confirmed; nothing was touched');
    }
    const { flushId } = await api.call(routes.undoFlush, { params: { id: flush.id } });
    return followFlush({ io, given }, api, flushId);
  },
};

export const FLUSHES: readonly Command[] = [list, show, watch, stop, undo];
