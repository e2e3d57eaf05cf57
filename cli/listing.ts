import type { Answered } from '../client/client.ts';
import type { Route } from '../proto/http/route.ts';
import { toPrintable } from '../proto/model/text.ts';
import type { z } from 'zod';
import { has, type Argument, type Call, type Command, type Given, type OptionGroup } from './command.ts';
import { EXIT, UsageError } from './exit-codes.ts';
import { numberOf } from './numbers.ts';
import { GENERAL, OUTPUT } from './options.ts';
import type { Column } from './output/columns.ts';
import { render } from './output/render.ts';
import { everyItem, scopeOf } from './scope.ts';
import { styleOf } from './style.ts';

type ListRoute = Route & { response: z.ZodType<{ items: unknown[]; cursor?: string }> };

const LIMIT: OptionGroup = { title: 'How many', options: [{ name: 'limit', value: 'N', words: 'at most so many (500)' }] };

/** A command that lists what a paged route has. `query` is what the options ask of the route. */
export function listing<R extends ListRoute>(
  route: R,
  command: Pick<Command, 'words' | 'summary' | 'examples'> & {
    groups?: readonly OptionGroup[];
    columns: readonly Column<Answered<R>['items'][number]>[];
    nameOf(row: Answered<R>['items'][number]): string;
    query?(call: Call): Promise<Record<string, unknown>>;
  },
): Command {
  const { columns, nameOf, query, groups = [], ...rest } = command;
  return {
    ...rest,
    groups: [...groups, LIMIT, OUTPUT, GENERAL],
    async run(call) {
      const { io, given, client } = call;
      const most = numberOf(given, 'limit', { from: 1, to: 100_000, usual: 500 });
      const rows = (await everyItem(
        client(),
        route,
        { limit: Math.min(500, most), ...(await query?.(call)) },
        most,
      )) as Answered<R>['items'];
      io.write(render({ columns, rows, nameOf }, styleOf(given, io)));
      if (rows.length === most) io.say(`These are the first ${most}; --limit for more`);
      return rows.length === 0 ? EXIT.nothingMatched : EXIT.done;
    },
  };
}

/** `--tenant`, `--site` and `--gateway` as one id each, for routes that take no more. Throws UsageError for several. */
export async function placeOf({
  given,
  client,
}: Pick<Call, 'given' | 'client'>): Promise<{ tenant?: string; site?: string; gateway?: string }> {
  for (const name of ['tenant', 'site', 'gateway']) if ((given[name]?.length ?? 0) > 1) throw new UsageError(`--${name} is given twice`);
  if (!['tenant', 'site', 'gateway'].some((name) => has(given, name))) return {};
  const { tenants, sites, gateways } = await scopeOf(client(), given);
  return { tenant: tenants?.[0], site: sites?.[0], gateway: gateways?.[0] };
}

/** The options of a place: `--tenant`, `--site`, `--gateway`. */
export function placeOptions(...names: readonly ('tenant' | 'site' | 'gateway')[]): OptionGroup {
  return { title: 'Where', options: names.map((name) => ({ name, value: name.toUpperCase(), words: `of this ${name}, by name or id` })) };
}

/** Asks y or n; `--yes` answers. Throws UsageError where nobody can be asked. */
export async function isConfirmed(io: Call['io'], given: Given, question: string): Promise<boolean> {
  if (has(given, 'yes')) return true;
  if (!io.isInputTerminal) throw new UsageError('Standard input is not a terminal: --yes says what a person would');
  return /^y(es)?$/i.test((await io.ask(toPrintable(`${question} [y/N] `)))?.trim() ?? '');
}

export const ASK: OptionGroup = { title: 'Before it is done', options: [{ name: 'yes', short: 'y', words: 'do not ask' }] };

/** One thing by its id. */
export function idArgument(noun: string): readonly Argument[] {
  return [{ name: noun.toUpperCase(), words: 'its id' }];
}
