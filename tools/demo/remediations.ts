import { routes } from '../../proto/http/routes.ts';
import type { DemoApi } from './api.ts';

/** Those that a new installation has from its first day: they observe and touch nothing. */
const WATCHING = ['wan-down', 'table-pressure'];

/** Saves them for the whole fleet, as observers, if there are no remediations at all. */
export async function watchFleet(api: DemoApi): Promise<void> {
  if ((await api.call(routes.listRemediations, { query: { limit: 1 } })).items.length > 0) return;
  const { items } = await api.call(routes.listBuiltInRemediations);
  for (const { key, document } of items)
    if (WATCHING.includes(key)) await api.call(routes.createRemediation, { body: { document, builtIn: key } });
}
