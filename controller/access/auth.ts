import { betterAuth, type BetterAuthPlugin } from 'better-auth';
import { prismaAdapter } from 'better-auth/adapters/prisma';
import { APIError, createAuthEndpoint } from 'better-auth/api';
import { setSessionCookie } from 'better-auth/cookies';
import { twoFactor } from 'better-auth/plugins/two-factor';
import { z } from 'zod';
import { newId } from '../platform/ids.ts';
import type { Config } from '../platform/config.ts';
import type { Database } from '../platform/database.ts';
import type { Logger } from '../platform/logger.ts';
import { MIN_PASSWORD_LENGTH } from '../../proto/http/people.ts';
import { MAX_PASSWORD_LENGTH } from './password.ts';

/** Provider token of better-auth. */
export const AUTH = Symbol('auth');
export type Auth = ReturnType<typeof createAuth>;

const SESSION_SECONDS = 12 * 3600;
/** How long after the password a second factor may follow. */
const CHALLENGE_SECONDS = 600;
/** The plugin's name of the cookie between password and second factor. It is no session: no route accepts it. */
const CHALLENGE_COOKIE = 'two_factor';

/** What the sign-in by passkey needs of the library. Neither has an address; both are called by our services only. */
const ownEndpoints = {
  id: 'ctfleet',
  endpoints: {
    /** The id of the person who entered the password and still has to prove a second factor; null if the time for it is over. */
    challengedPerson: createAuthEndpoint.serverOnly({ method: 'POST' }, async (ctx) => {
      const identifier = await ctx.getSignedCookie(ctx.context.createAuthCookie(CHALLENGE_COOKIE).name, ctx.context.secret);
      const challenge = identifier ? await ctx.context.internalAdapter.findVerificationValue(identifier) : null;
      return { userId: challenge && challenge.expiresAt > new Date() ? challenge.value : null };
    }),
    /** Starts a session for a person who has proved to be that person, and with what, and sets its cookie. */
    startSession: createAuthEndpoint.serverOnly(
      { method: 'POST', body: z.object({ userId: z.string(), secondFactorAt: z.date().optional() }) },
      async (ctx) => {
        const { userId, secondFactorAt } = ctx.body;
        const user = await ctx.context.internalAdapter.findUserById(userId);
        if (!user) throw new APIError('UNAUTHORIZED');
        const session = await ctx.context.internalAdapter.createSession(userId, false, { secondFactorAt });
        await setSessionCookie(ctx, { session, user });
        return ctx.json({});
      },
    ),
  },
} satisfies BetterAuthPlugin;

/**
 * People and their sessions: e-mail and password, TOTP and recovery codes; no sign-up. Sessions are stored in Postgres and end after 12 h.
 * `user.twoFactorEnabled` is true with a passkey too: then a password alone starts no session.
 */
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
    session: {
      expiresIn: SESSION_SECONDS,
      disableSessionRefresh: true,
      additionalFields: { secondFactorAt: { type: 'date', required: false, input: false, returned: true } },
    },
    plugins: [
      twoFactor({
        issuer: 'ctfleet',
        twoFactorCookieMaxAge: CHALLENGE_SECONDS,
        // Would lock a person out from everywhere; second-factors.service.ts counts by account and address.
        accountLockout: { enabled: false },
      }),
      ownEndpoints,
    ],
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
