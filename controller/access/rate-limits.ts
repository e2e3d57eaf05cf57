import { RateLimit } from '../platform/rate-limits.ts';

/** One account from one address. */
export const SIGN_IN_PAIR = new RateLimit('sign-in-pair', { tries: 10, seconds: 300 });
/** One account from all addresses that never signed in to it. */
export const SIGN_IN_ACCOUNT = new RateLimit('sign-in-account', { tries: 30, seconds: 900 });
/** One address, across all accounts. */
export const SIGN_IN_ADDRESS = new RateLimit('sign-in-address', { tries: 60, seconds: 300 });
/** An account that signed in from an address: remembered, not counted. */
export const SIGN_IN_KNOWN = new RateLimit('sign-in-known', { tries: 1, seconds: 90 * 86_400 });
/** Requests for a new password from one address, whoever they are for. */
export const RESET_ADDRESS = new RateLimit('reset-address', { tries: 10, seconds: 3600 });
/** Requests for a new password of one account, whether it exists or not. */
export const RESET_ACCOUNT = new RateLimit('reset-account', { tries: 3, seconds: 3600 });
/** The current password, guessed by someone who holds a session. */
export const CHANGE_PASSWORD = new RateLimit('change-password', { tries: 10, seconds: 900 });
/** Wrong codes for one account from one address, whether at a sign-in or in a session. */
export const CODE_PAIR = new RateLimit('code-pair', { tries: 6, seconds: 900 });
/** Wrong codes for one account from all addresses that never signed in to it. */
export const CODE_ACCOUNT = new RateLimit('code-account', { tries: 20, seconds: 3600 });
/** A code of one account: good once. Longer than the 90 s in which a code of 30 s is accepted. */
export const CODE_ONCE = new RateLimit('code-once', { tries: 1, seconds: 150 });
/** An answer to a passkey challenge: good once. Longer than a challenge lives. */
export const PASSKEY_ONCE = new RateLimit('passkey-once', { tries: 1, seconds: 900 });
