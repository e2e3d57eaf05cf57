import { RequestMethod, type Type } from '@nestjs/common';
import type { Route } from '../../proto/http/route.ts';
import { OPEN, ROUTE } from './route-decorators.ts';

const METHOD_KEY = 'method';

/**
 * Checks the handlers against the contract before anything listens: every handler has a route or is an open endpoint, and every route of
 * the contract has exactly one handler. Throws an Error that names the problem.
 */
export function checkRoutes(controllers: Type[], routes: Record<string, Route>): void {
  const served = new Map<Route, string>();
  for (const controller of controllers) {
    for (const name of Object.getOwnPropertyNames(controller.prototype)) {
      const handler: unknown = controller.prototype[name];
      if (typeof handler !== 'function' || Reflect.getMetadata(METHOD_KEY, handler) === undefined) continue;
      const route = Reflect.getMetadata(ROUTE, handler) as Route | undefined;
      const place = `${controller.name}.${name}`;
      if (!route && Reflect.getMetadata(OPEN, handler) !== true)
        throw new Error(
          `${place} (${RequestMethod[Reflect.getMetadata(METHOD_KEY, handler) as number]}) has neither a route nor HandlesOpen`,
        );
      if (!route) continue;
      const other = served.get(route);
      if (other !== undefined) throw new Error(`${place} and ${other} serve the same route`);
      served.set(route, place);
    }
  }
  const missing = Object.entries(routes)
    .filter(([, route]) => !served.has(route))
    .map(([name]) => name);
  if (missing.length > 0) throw new Error(`routes without a handler: ${missing.join(', ')}`);
}
