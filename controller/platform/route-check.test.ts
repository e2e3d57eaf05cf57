import 'reflect-metadata';
import { RequestMapping, RequestMethod } from '@nestjs/common';
import { describe, expect, it } from 'vitest';
import { defineRoute } from '../../proto/http/route.ts';
import { Handles, HandlesOpen } from './route-decorators.ts';
import { checkRoutes } from './route-check.ts';

const route = defineRoute({ method: 'GET', path: '/x', summary: 'x', action: 'me.read', status: 200 });

/** A controller class with one handler that has these decorators. */
function controllerWith(...decorators: MethodDecorator[]) {
  class Some {
    handle(): void {}
  }
  const descriptor = Object.getOwnPropertyDescriptor(Some.prototype, 'handle')!;
  for (const decorate of decorators) decorate(Some.prototype, 'handle', descriptor);
  return Some;
}

describe('the check at startup', () => {
  it('accepts a handler with a route, and an open endpoint', () => {
    expect(() => checkRoutes([controllerWith(Handles(route)), controllerWith(HandlesOpen('/healthz'))], { route })).not.toThrow();
  });

  it('refuses a handler without a route', () => {
    expect(() => checkRoutes([controllerWith(RequestMapping({ method: RequestMethod.GET, path: '/y' }))], {})).toThrow(
      'Some.handle (GET) has neither',
    );
  });

  it('refuses a route without a handler, and one with two', () => {
    expect(() => checkRoutes([], { getX: route })).toThrow('routes without a handler: getX');
    expect(() => checkRoutes([controllerWith(Handles(route)), controllerWith(Handles(route))], { route })).toThrow('serve the same route');
  });
});
