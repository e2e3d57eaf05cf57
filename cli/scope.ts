import type { z } from 'zod';
import type { Client } from '../client/client.ts';
import type { Route } from '../proto/http/route.ts';
import { routes } from '../proto/http/routes.ts';
import type { Scope } from '../proto/http/scope.ts';
import { nearest } from '../proto/model/nearest.ts';
import type { Given } from './command.ts';
import { UsageError } from './exit-codes.ts';

interface Named {
  id: string;
  name: string;
  tenantId?: string;
}
type ListRoute = Route & { response: z.ZodType<{ items: unknown[]; cursor?: string }> };

/** Of one list; whoever has more names things by id. */
const MAX_PAGES = 100;

/** Every item of a paged list, page by page; `most` of them if given. */
export async function everyItem<R extends ListRoute>(
  client: Client,
  route: R,
  query: Record<string, unknown> = {},
  most = Infinity,
): Promise<z.output<R['response']>['items']> {
  const items: unknown[] = [];
  let cursor: string | undefined;
  for (let page = 0; page < MAX_PAGES; page++) {
    const answer = (await client.call(route, { query: { ...query, cursor } } as never)) as { items: unknown[]; cursor?: string };
    items.push(...answer.items);
    cursor = answer.cursor;
    if (cursor === undefined || items.length >= most) return items.slice(0, most);
  }
  throw new UsageError(`The list has more than ${MAX_PAGES} pages; narrow it by --tenant or --site`);
}

/**
 * The scope that the options name, with ids in place of names: capitals do not matter. A name that is not there is an error, never a
 * smaller or larger scope. Throws UsageError.
 */
export async function scopeOf(client: Client, given: Given): Promise<Scope> {
  const { tenant, site, gateway, tag } = given;
  const tenants = tenant && pick(await everyItem(client, routes.listTenants), tenant, 'tenant');
  const within = (item: { tenantId?: string }): boolean => !tenants || tenants.includes(item.tenantId!);
  const sites = site && pick((await everyItem(client, routes.listSites)).filter(within), site, 'site');
  const gateways = gateway && pick((await gatewaysNamed(client, gateway)).filter(within), gateway, 'gateway');
  return { ...(tenants && { tenants }), ...(sites && { sites }), ...(gateways && { gateways }), ...(tag && { tags: [...tag] }) };
}

/** The gateways that could be meant: for a name, those that have it somewhere in theirs. */
async function gatewaysNamed(client: Client, names: readonly string[]): Promise<Named[]> {
  const found = await Promise.all(
    names.map((text) => everyItem(client, routes.listGateways, isId(text) ? { ids: text } : { text, limit: 2000 })),
  );
  return [...new Map(found.flat().map((one) => [one.id, one])).values()];
}

/** The one gateway of this name or id. Throws UsageError. */
export async function oneGateway(client: Client, text: string): Promise<string> {
  return pick(await gatewaysNamed(client, [text]), [text], 'gateway')[0]!;
}

/** The ids of the named ones; one name may stand for one of them only. Throws UsageError. */
export function pick(items: readonly Named[], names: readonly string[], noun: string): string[] {
  return names.map((text) => {
    const wanted = text.toLowerCase();
    const found = items.filter(({ id, name }) => id === wanted || name.toLowerCase() === wanted);
    if (found.length > 1)
      throw new UsageError(
        `${found.length} ${noun}s are named “${text}”; add --tenant, or name one by id: ${found.map(({ id }) => id).join(', ')}`,
      );
    if (found.length === 1) return found[0]!.id;
    const near = nearest(
      text,
      items.map(({ name }) => name),
    );
    throw new UsageError(`There is no ${noun} “${text}” that you may see${near === undefined ? '' : `; did you mean “${near}”?`}`);
  });
}

export function isId(text: string): boolean {
  return /^[\da-f]{8}(-[\da-f]{4}){3}-[\da-f]{12}$/.test(text);
}
