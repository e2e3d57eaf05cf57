/**
 * What exists under /api/auth, where people sign in: routes of the sign-in library and our own beside them. Not of the contract's routes,
 * since nobody has signed in yet; every other address there answers 404. Bodies are JSON, refusals are problems as everywhere.
 */
export const SIGN_IN_ROUTES = {
  'POST /sign-in/email': 'Signs in with `email` and `password`; `twoFactorRedirect` where a second factor has to follow',
  'POST /sign-out': 'Ends the session',
  'GET /get-session': 'The session and its person; null for nobody',
  'POST /change-password': 'Sets `newPassword` for who knows `currentPassword`, and ends all other sessions',
  'GET /ways': 'What the sign-in page offers: `resetsByMail`',
  'POST /forgot-password': 'Sends a link to `email` if somebody signs in with it and a password; the answer is the same for every address',
  'POST /look-at-link': 'Whom the sign-in link with `token` is for',
  'POST /use-link': 'Sets `password` by the sign-in link with `token`, once, and signs in with it',
  'POST /two-factor/enable': 'A new secret for codes and recovery codes, for who knows `password`; it counts once a code of it was entered',
  'POST /two-factor/disable': 'Removes the codes, for who knows `password`',
  'POST /two-factor/generate-backup-codes': 'New recovery codes, for who knows `password`; earlier ones end',
  'POST /two-factor/verify-totp': 'A `code` of an authenticator app: completes a sign-in, confirms a set-up, or proves',
  'POST /two-factor/verify-backup-code': 'The same with a recovery code',
  'POST /passkey/options': 'What a browser needs to use a passkey, for a sign-in or a proof (`isProof`)',
  'POST /passkey/sign-in': 'Signs in with a passkey’s `response`',
  'POST /passkey/prove': 'Proves a second factor with a passkey’s `response`',
} as const;

export type SignInRoute = keyof typeof SIGN_IN_ROUTES;

/** True for what exists under /api/auth. */
export function isSignInRoute(method: string, path: string): boolean {
  return Object.hasOwn(SIGN_IN_ROUTES, `${method === 'HEAD' ? 'GET' : method} ${path}`);
}
