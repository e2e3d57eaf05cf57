import {
  applyDecorators,
  createParamDecorator,
  HttpCode,
  RequestMapping,
  RequestMethod,
  SetMetadata,
  type ExecutionContext,
} from '@nestjs/common';
import type { FastifyReply, FastifyRequest } from 'fastify';
import type { z } from 'zod';
import type { Route } from '../../proto/http/route.ts';
import type { Caller, Credentials } from './caller.ts';
import { invalidRequest } from './problem.ts';
import type { TenantScope } from './tenant-scope.ts';
import { toRouterPath } from './verb-url.ts';

/** Metadata keys: the route that a handler serves, and handlers that need no identity. */
export const ROUTE = 'ctfleet:route';
export const OPEN = 'ctfleet:open';
export const API_PREFIX = '/api/v1';

/** Binds a handler to a route of the contract: method, path, status, and the action that the guard checks. */
export function Handles(route: Route, options: { prefix?: string } = {}): MethodDecorator {
  return applyDecorators(
    RequestMapping({ method: RequestMethod[route.method], path: toRouterPath((options.prefix ?? API_PREFIX) + route.path) }),
    HttpCode(route.status),
    SetMetadata(ROUTE, route),
  );
}

/** An endpoint without authentication. There are few, and none reveals anything about a tenant. */
export function HandlesOpen(path: string, method: 'GET' | 'POST' = 'GET'): MethodDecorator {
  return applyDecorators(RequestMapping({ method: RequestMethod[method], path }), SetMetadata(OPEN, true));
}

type Parsed<S> = S extends z.ZodType ? z.output<S> : undefined;

/** A call of a route: the caller, the tenants in which the action is allowed, and the validated input. */
export interface Call<R extends Route = Route> {
  caller: Caller;
  scope: TenantScope;
  params: Parsed<R['params']>;
  query: Parsed<R['query']>;
  body: Parsed<R['body']>;
  /** Aborted when the response is done or nobody waits for it any more. */
  signal: AbortSignal;
  /** For streams, which keep checking the caller's permission. */
  credentials: Credentials;
}

/** What the guard attaches to a request. */
export interface Admitted {
  caller: Caller;
  scope: TenantScope;
  route: Route;
  credentials: Credentials;
}

/** A request that the guard admitted. */
export type AdmittedRequest = FastifyRequest & { admitted?: Admitted };

/** The parameter of a handler: the call, its input parsed by the route's own schemas. Throws INVALID_REQUEST with each issue. */
export const Called = createParamDecorator((_: unknown, context: ExecutionContext): Call => {
  const request = context.switchToHttp().getRequest<AdmittedRequest>();
  const admitted = request.admitted;
  if (!admitted) throw new Error('a handler without a guard');
  const { route, caller, scope, credentials } = admitted;
  const ended = new AbortController();
  context
    .switchToHttp()
    .getResponse<FastifyReply>()
    .raw.once('close', () => ended.abort());
  return {
    caller,
    scope,
    params: parsePart(route.params, request.params, 'path'),
    query: parsePart(route.query, request.query, 'query'),
    body: parsePart(route.body, request.body ?? {}, 'body'),
    signal: ended.signal,
    credentials,
  };
});

function parsePart<S extends z.ZodType>(schema: S | undefined, value: unknown, part: string): z.output<S> | undefined {
  if (!schema) return undefined;
  const parsed = schema.safeParse(value);
  if (!parsed.success) throw invalidRequest(parsed.error, part);
  return parsed.data;
}
