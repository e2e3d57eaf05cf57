import { z } from 'zod';
import { createDocument, type ZodOpenApiOperationObject, type ZodOpenApiPathsObject } from 'zod-openapi';
import { idempotencyKey, problem } from '../../proto/http/common.ts';
import type { Route } from '../../proto/http/route.ts';
import { SIGN_IN_ROUTES } from '../../proto/http/sign-in.ts';
import { routes } from '../../proto/http/routes.ts';
import { API_PREFIX } from './route-decorators.ts';
import { VERSION } from './version.ts';

const IDEMPOTENCY_KEY = idempotencyKey
  .optional()
  .describe(
    'One key per intent, the same for each retry. For a day, an equal request with the key gets the answer of the first; a different one is refused.',
  );
const PROBLEM = { description: 'A refusal (RFC 9457); `code` says which.', content: { 'application/problem+json': { schema: problem } } };

const PROOF = {
  true: 'STEP_UP_REQUIRED unless a person’s second factor was proved within the last five minutes.',
  'of-what-is-there': 'STEP_UP_REQUIRED unless a person who has a second factor proved it within the last five minutes.',
  'whole-tables': 'For whole tables: STEP_UP_REQUIRED unless a person’s second factor was proved within the last five minutes.',
  'unless-signed': 'Without a signature: STEP_UP_REQUIRED unless a person’s second factor was proved within the last five minutes.',
};

/** The OpenAPI 3.1 document of every route in proto/http; docs/api/openapi.json is this, checked in. */
export function openApiDocument(): object {
  const paths: Record<string, ZodOpenApiPathsObject[string]> = {};
  for (const [operationId, route] of Object.entries<Route>(routes)) {
    const path = API_PREFIX + route.path;
    paths[path] = { ...paths[path], [route.method.toLowerCase()]: toOperation(operationId, route) };
  }
  for (const [route, summary] of Object.entries(SIGN_IN_ROUTES)) {
    const [method, path] = route.split(' ') as [string, string];
    paths[`/api/auth${path}`] = { [method.toLowerCase()]: toSignInOperation(path, summary) };
  }
  return createDocument({
    openapi: '3.1.0',
    info: { title: 'ctfleet', version: VERSION, description: 'Sees, clears and tunes connection tracking on every gateway you run.' },
    paths,
    components: {
      securitySchemes: {
        token: {
          type: 'http',
          scheme: 'bearer',
          description: 'An API token (ctfp_<id>_<secret>), or the secret of a service account (ctfs_<id>_<secret>).',
        },
        session: {
          type: 'apiKey',
          in: 'cookie',
          name: 'ctfleet.session_token',
          description: 'A sign-in at /api/auth/sign-in/email; the name has the prefix __Secure- on https.',
        },
      },
    },
    security: [{ token: [] }, { session: [] }],
  });
}

function toOperation(operationId: string, route: Route): ZodOpenApiOperationObject {
  const media = route.isStream ? 'text/event-stream' : 'application/json';
  return {
    operationId,
    summary: route.summary,
    tags: [route.path.split(/[/:]/)[1] ?? ''],
    description: [
      `Needs the action \`${route.action}\`.`,
      ...(route.isForPeople ? ['Only for a person who is signed in, never for an API token or a service account.'] : []),
      ...(route.needsProof ? [PROOF[String(route.needsProof) as keyof typeof PROOF]] : []),
    ].join(' '),
    ...(route.isForPeople && { security: [{ session: [] }] }),
    requestParams: {
      ...(route.params && { path: route.params }),
      ...(route.query && { query: route.query }),
      ...(route.method === 'POST' && { header: z.object({ 'Idempotency-Key': IDEMPOTENCY_KEY }) }),
    },
    ...(route.body && { requestBody: { required: true, content: { 'application/json': { schema: route.body } } } }),
    responses: {
      [String(route.status)]: route.response
        ? { description: 'Done.', content: { [media]: { schema: route.response } } }
        : { description: 'Done.' },
      default: PROBLEM,
    },
  };
}

/** Of the routes by which people sign in, which need no session, or the session's cookie. */
function toSignInOperation(path: string, summary: string): ZodOpenApiOperationObject {
  return {
    operationId: path.slice(1).replaceAll(/[/-](\w)/g, (_, letter: string) => letter.toUpperCase()),
    summary,
    tags: ['sign-in'],
    description: 'For the console: requests that change something must come from its own origin.',
    security: [],
    responses: { '200': { description: 'Done.' }, default: PROBLEM },
  };
}
