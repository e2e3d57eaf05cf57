/** Marks the verb's segment inside the router; no public address may contain it. */
export const VERB_MARK = '~';
const NOWHERE = '/-nowhere';

/**
 * `/plans/ID:run` as the router sees it, `/plans/ID/~run`: routers treat a colon as a parameter. An address that already contains the inner
 * form matches nothing, so that each route has one public spelling.
 */
export function toRouterUrl(url: string): string {
  const query = url.indexOf('?');
  const path = query < 0 ? url : url.slice(0, query);
  if (/~|%7e/i.test(path)) return NOWHERE;
  const rewritten = path.replace(/:([a-z]+)$/, `/${VERB_MARK}$1`);
  return query < 0 ? rewritten : rewritten + url.slice(query);
}

/** The router's pattern of a route's path: `/plans/{id}:run` becomes `/plans/:id/~run`. */
export function toRouterPath(path: string): string {
  return path.replace(/:([a-z]+)$/, `/${VERB_MARK}$1`).replace(/\{([a-zA-Z]+)\}/g, ':$1');
}
