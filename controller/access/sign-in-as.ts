import type { BetterAuthPlugin } from 'better-auth';
import { APIError, createAuthEndpoint } from 'better-auth/api';
import { setSessionCookie } from 'better-auth/cookies';
import { z } from 'zod';

/**
 * A session for a person who proved otherwise who they are. For calls from this process only: its path is not among those that are exposed
 * (AUTH_PATHS), and it refuses whatever comes as a request.
 */
export const signInAs = {
  id: 'sign-in-as',
  endpoints: {
    signInAs: createAuthEndpoint('/sign-in-as', { method: 'POST', body: z.object({ userId: z.string() }) }, async (context) => {
      if (context.request) throw new APIError('NOT_FOUND');
      const { internalAdapter } = context.context;
      const user = await internalAdapter.findUserById(context.body.userId);
      if (!user) throw new APIError('NOT_FOUND');
      const session = await internalAdapter.createSession(user.id);
      await setSessionCookie(context, { session, user });
      return context.json({});
    }),
  },
} satisfies BetterAuthPlugin;
