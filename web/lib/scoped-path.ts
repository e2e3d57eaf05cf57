/**
 * Part of the fleet that a page shows, as ids in the address: a tenant, one of its sites, one gateway. None is everything the caller may
 * see.
 */
export interface ScopeIds {
  tenant: string | null;
  site: string | null;
  gateway: string | null;
}

/** From wide to narrow. */
const LEVELS = ['tenant', 'site', 'gateway'] as const;

/** The same as queries of the fleet take it. */
export function toPlace({ tenant, site, gateway }: ScopeIds): { tenant?: string; site?: string; gateway?: string } {
  return { ...(tenant && { tenant }), ...(site && { site }), ...(gateway && { gateway }) };
}

/** A path of the console in this scope. A scope level in the path itself overrides that level and all narrower ones. */
export function scopedPath(path: string, scope: ScopeIds): string {
  const { pathname, searchParams, hash } = new URL(path, 'http://console');
  const named = LEVELS.findIndex((level) => searchParams.has(level));
  for (const level of named < 0 ? LEVELS : LEVELS.slice(0, named)) if (scope[level]) searchParams.set(level, scope[level]);
  const query = searchParams.toString();
  return `${pathname}${query && `?${query}`}${hash}`;
}

/** The path of Connections with a filter, on one gateway or on all in scope. */
export function connectionsPath(filter: string, gateway?: string): string {
  return `/connections?${new URLSearchParams({ ...(gateway && { gateway }), ...(filter && { filter }) }).toString()}`.replace(/\?$/, '');
}
