import { setTimeout as delay } from 'node:timers/promises';
import type { Answered } from '../client/client.ts';
import { count, counted } from '../client/words/format.ts';
import { routes } from '../proto/http/routes.ts';
import { SORT_FIELDS } from '../proto/model/sort.ts';
import { toPrintable } from '../proto/model/text.ts';
import { has, valueOf, type Call, type Command } from './command.ts';
import { EXIT, UsageError } from './exit-codes.ts';
import { flowColumns, flowName, tupleColumns } from './flow-columns.ts';
import { GENERAL, OUTPUT, SCOPE, SELECTION, WATCH } from './options.ts';
import { numberOf } from './numbers.ts';
import { render } from './output/render.ts';
import { scopeOf } from './scope.ts';
import { filterOf } from './select.ts';
import { isForReading, styleOf } from './style.ts';
import { problemOfFilter } from './filter-problem.ts';

type Search = Answered<typeof routes.searchFlows>;

const MAX_ROWS = 1_000_000;
/** Of one request. */
const MAX_PAGE = 1000;
const SORTS = ['gateway', ...SORT_FIELDS];

export const listFlows: Command = {
  words: ['flows', 'list'],
  summary: 'Flows in the tables of the gateways, as they are now',
  groups: [
    SELECTION,
    SCOPE,
    {
      title: 'How many',
      options: [
        { name: 'limit', value: 'N', words: 'at most so many rows (100)' },
        { name: 'sort', value: 'FIELD', choices: SORTS, words: `by ${SORTS.join(', ')}` },
        { name: 'descending', words: 'the largest first' },
      ],
    },
    WATCH,
    OUTPUT,
    GENERAL,
  ],
  examples: [
    'ctfleet flows list -p udp -q 198.51.100.7 --site milano',
    'ctfleet flows list --filter "wan:wan1 idle>2m" -o csv --limit 10000',
  ],
  run: (call) => (has(call.given, 'watch') ? watch(call) : list(call)),
};

async function list(call: Call): Promise<number> {
  const answer = await search(call);
  write(call, answer);
  if (answer.gateways.some(({ state }) => state !== 'answered')) return EXIT.partial;
  return answer.total === 0 ? EXIT.nothingMatched : EXIT.done;
}

/** The same list again and again; at a terminal in place of the one before. */
async function watch(call: Call): Promise<number> {
  const { io, given } = call;
  const stop = new AbortController();
  const off = io.onInterrupt(() => stop.abort());
  const everySeconds = numberOf(given, 'interval', { from: 1, to: 3600, usual: 2 });
  try {
    for (;;) {
      const answer = await search(call, stop.signal);
      if (io.isOutputTerminal) io.write('\u001b[H\u001b[2J');
      write(call, answer);
      await delay(everySeconds * 1000, undefined, { signal: stop.signal });
    }
  } catch (error) {
    if (!stop.signal.aborted) throw error;
    return EXIT.interrupted;
  } finally {
    off();
  }
}

/** Rows up to the limit, page by page. */
async function search({ given, io, client }: Call, signal?: AbortSignal): Promise<Search> {
  const filter = filterOf(given, problemOfFilter);
  if (has(given, 'show-query')) io.say(toPrintable(`filter: ${filter || 'every flow'}`));
  const field = valueOf(given, 'sort') as 'gateway' | undefined;
  if (field === undefined && has(given, 'descending')) throw new UsageError('--descending is of --sort FIELD');
  const most = numberOf(given, 'limit', { from: 0, to: MAX_ROWS, usual: 100 });
  const api = client();
  const scope = await scopeOf(api, given);
  const rows: Search['rows'] = [];
  for (let cursor: string | undefined; ;) {
    const limit = Math.min(MAX_PAGE, most - rows.length);
    const sort = field && { field, descending: has(given, 'descending') };
    const answer = await api.call(routes.searchFlows, { body: { filter, scope, sort, limit, cursor, withFacets: false }, signal });
    rows.push(...answer.rows);
    cursor = answer.cursor;
    if (cursor === undefined || rows.length >= most || answer.rows.length === 0) return { ...answer, rows };
  }
}

function write({ io, given }: Call, { rows, total, gateways, filter }: Search): void {
  const style = styleOf(given, io);
  const names = new Map(gateways.map(({ id, name }) => [id, name]));
  const nameOf = (id: string): string => names.get(id) ?? id;
  const columns = [...flowColumns(nameOf, io.now()), ...(style.format === 'csv' ? tupleColumns() : [])];
  const document = { filter, total, rows, gateways };
  io.write(render({ columns, rows, nameOf: (flow) => flowName(flow, nameOf) }, style, document));
  for (const { name, state, reason } of gateways)
    if (state !== 'answered') io.say(toPrintable(`${name}: ${state}${reason === undefined ? '' : `, ${reason}`}`));
  if (!isForReading(style)) return;
  const answered = gateways.filter(({ state }) => state === 'answered').length;
  const shown = rows.length < total ? `${count(rows.length)} of ${counted(total, 'flow')}` : counted(total, 'flow');
  io.say(
    `${shown} on ${answered === gateways.length ? counted(answered, 'gateway') : `${answered} of ${counted(gateways.length, 'gateway')}`}`,
  );
}
