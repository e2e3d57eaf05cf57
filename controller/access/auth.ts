import { betterAuth } from 'better-auth';
import { prismaAdapter } from 'better-auth/adapters/prisma';
import { APIError } from 'better-auth/api';
import { newId } from '../platform/ids.ts';
import type { Config } from '../platform/config.ts';
import { signInAs } from './sign-in-as.ts';
import type { Database } from '../platform/database.ts';
import type { Logger } from '../platform/logger.ts';
import { MIN_PASSWORD_LENGTH } from '../../proto/http/people.ts';
import { MAX_PASSWORD_LENGTH } from './password.ts';

/** Provider token of better-auth. */
export const AUTH = Symbol('auth');
export type Auth = ReturnType<typeof createAuth>;

const SESSION_SECONDS = 12 * 3600;

/** The endpoints of better-auth that are exposed; all its other paths answer as if they did not exist. */
export const AUTH_PATHS: ReadonlySet<string> = new Set(['/sign-in/email', '/sign-out', '/get-session', '/change-password']);
/** Ours, beside them: who a sign-in link is for, and choosing a password by it. */
export const LINK_PATHS: ReadonlySet<string> = new Set(['/look-at-link', '/use-link']);

/** People and their sessions: e-mail and password only, no sign-up; sessions are stored in Postgres and end after 12 h. */
export function createAuth(config: Config, database: Database, secret: string, logger: Logger) {
  return betterAuth({
    appName: 'ctfleet',
    baseURL: config.publicUrl,
    basePath: '/api/auth',
    secret,
    trustedOrigins: [config.publicUrl],
    database: prismaAdapter(database.unscoped, { provider: 'postgresql' }),
    emailAndPassword: {
      enabled: true,
      disableSignUp: true,
      minPasswordLength: MIN_PASSWORD_LENGTH,
      maxPasswordLength: MAX_PASSWORD_LENGTH,
    },
    plugins: [signInAs],
    session: { expiresIn: SESSION_SECONDS, disableSessionRefresh: true },
    databaseHooks: {
      session: {
        create: {
          async before({ userId }) {
            const user = await database.unscoped.user.findUnique({ where: { id: userId }, select: { suspendedAt: true } });
            if (user?.suspendedAt) throw new APIError('UNAUTHORIZED', { message: 'This account is suspended. Ask an owner to resume it.' });
          },
        },
      },
    },
    // Our own limiter counts per account, per address and per pair of both, in Postgres, for all replicas (sign-in.service.ts).
    rateLimit: { enabled: false },
    advanced: {
      cookiePrefix: 'ctfleet',
      useSecureCookies: config.publicUrl.startsWith('https:'),
      defaultCookieAttributes: { httpOnly: true, sameSite: 'strict', path: '/' },
      database: { generateId: () => newId() },
    },
    telemetry: { enabled: false },
    logger: { level: 'error', log: (_level, message) => logger.error({ message }, 'error in the sign-in library') },
  });
}
