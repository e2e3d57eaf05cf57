import 'reflect-metadata';
import helmet from '@fastify/helmet';
import { NestFactory } from '@nestjs/core';
import { FastifyAdapter, type NestFastifyApplication } from '@nestjs/platform-fastify';
import type { IncomingMessage } from 'node:http';
import { routes } from '../proto/http/routes.ts';
import { SignInService } from './access/sign-in.service.ts';
import { mountSignIn } from './access/sign-in.controller.ts';
import { mountOidc } from './oidc/oidc-sign-in.controller.ts';
import { OidcSignInService } from './oidc/oidc-sign-in.service.ts';
import { Drain } from './peers/drain.service.ts';
import { ControllerModule, CONTROLLERS } from './controller.module.ts';
import type { Surroundings } from './platform/platform.module.ts';
import { Addresses } from './platform/addresses.ts';
import { newId } from './platform/ids.ts';
import { cannotListen } from './platform/listen-error.ts';
import { NestLogger } from './platform/logger.ts';
import {
  answerExpectation,
  answerUnparsable,
  answerUnroutable,
  CONTENT_POLICY,
  discardBody,
  forbidCaching,
  MAX_BODY_BYTES,
  refuseUnstorable,
} from './platform/request-checks.ts';
import { checkRoutes } from './platform/route-check.ts';
import { toRouterUrl } from './platform/verb-url.ts';
import { checkDatabase, prepareDatabase } from './prepare.ts';

/** A running controller. Ports are those actually opened; undefined if the process does not have that role. */
export interface RunningController {
  app: NestFastifyApplication;
  ports: { apiPort: number; enrolPort?: number; linkPort?: number };
  /** For how long `close` first lets other replicas take over; 0 if there are none. */
  drainMs(): number;
  close(): Promise<void>;
}

const MAX_CONNECTIONS = 4000;
/**
 * A request must be complete within this time. A connection on which nothing moves is closed; event streams send a heartbeat. A kept-alive
 * connection waits for its next request.
 */
const REQUEST_MS = 20_000;
const SILENT_MS = 120_000;
const KEPT_MS = 10_000;

/**
 * Migrates if it has the owner's login, wires, listens. Throws an Error that says what is wrong; nothing is left open then.
 *
 * Shutdown begins with what other replicas take over, and then follows Nest's order: work stops (onModuleDestroy), then links and queues
 * (beforeApplicationShutdown), Postgres last (onApplicationShutdown).
 */
export async function startController(surroundings: Surroundings): Promise<RunningController> {
  const { config, logger } = surroundings;
  const applied = config.migrationDatabaseUrl === undefined ? [] : await prepareDatabase(config.migrationDatabaseUrl, config.databaseUrl);
  if (applied.length > 0) logger.info({ applied }, 'migrations applied');
  await checkDatabase(config.databaseUrl);
  checkRoutes(CONTROLLERS, routes);
  const adapter = new FastifyAdapter({
    rewriteUrl: (request: IncomingMessage) => toRouterUrl(request.url ?? '/'),
    bodyLimit: MAX_BODY_BYTES,
    trustProxy: config.trustedProxies,
    genReqId: () => newId(),
    forceCloseConnections: true,
    frameworkErrors: answerUnroutable,
    clientErrorHandler: answerUnparsable,
    requestTimeout: REQUEST_MS,
    connectionTimeout: SILENT_MS,
    keepAliveTimeout: KEPT_MS,
    http: { headersTimeout: REQUEST_MS, connectionsCheckingInterval: 5000 },
  });
  const app = await NestFactory.create<NestFastifyApplication>(ControllerModule.with(surroundings), adapter, {
    logger: new NestLogger(logger),
    abortOnError: false,
    bodyParser: false,
    rawBody: true,
  });
  try {
    // JSON only: every other type is refused before it is parsed.
    app.useBodyParser('application/json', { bodyLimit: MAX_BODY_BYTES });
    app.getHttpAdapter().getInstance().removeContentTypeParser('text/plain');
    app
      .getHttpAdapter()
      .getInstance()
      .addHook('preValidation', async (request) => refuseUnstorable(request));
    app
      .getHttpAdapter()
      .getInstance()
      .addHook('onSend', async (request) => discardBody(request));
    app.getHttpAdapter().getInstance().addHook('onSend', forbidCaching);
    await app.register(helmet as never, {
      contentSecurityPolicy: { useDefaults: false, directives: CONTENT_POLICY },
    });
    if (config.roles.includes('api')) {
      mountSignIn(app.getHttpAdapter().getInstance(), app.get(SignInService), config.publicUrl);
      mountOidc(app.getHttpAdapter().getInstance(), app.get(OidcSignInService), config.publicUrl);
    }
    app.getHttpServer().on('checkExpectation', answerExpectation);
    app.getHttpServer().maxConnections = MAX_CONNECTIONS;
    await app.listen(config.api.port, config.api.host).catch((cause: NodeJS.ErrnoException) => {
      throw cause.syscall === 'listen' ? cannotListen(config.api, cause) : cause;
    });
  } catch (error) {
    await app.close().catch(() => undefined);
    throw error;
  }
  const address = app.getHttpServer().address();
  const addresses = app.get(Addresses);
  return {
    app,
    ports: {
      apiPort: typeof address === 'object' && address ? address.port : config.api.port,
      enrolPort: addresses.port('enrol'),
      linkPort: addresses.port('link'),
    },
    drainMs: () => app.get(Drain).lastsMs,
    close: async () => {
      await app.get(Drain).drain();
      await app.close();
    },
  };
}
