import type { Route } from '../proto/http/route.ts';

/** The URL of a route with its parameters; absent query values are omitted. Throws TypeError for a missing path parameter. */
export function routeUrl(route: Route, params: Record<string, unknown> = {}, query: Record<string, unknown> = {}): string {
  const path = route.path.replace(/\{(\w+)\}/g, (_, name: string) => {
    const value = params[name];
    if (value === undefined) throw new TypeError(`${route.path} needs ${name}`);
    return encodeURIComponent(String(value));
  });
  const search = new URLSearchParams();
  for (const [name, value] of Object.entries(query)) if (value !== undefined) search.set(name, String(value));
  const text = search.toString();
  return `/api/v1${path}${text && `?${text}`}`;
}
