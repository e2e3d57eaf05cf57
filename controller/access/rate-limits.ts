import { RateLimit } from '../platform/rate-limits.ts';

/** One account from one address. */
export const SIGN_IN_PAIR = new RateLimit('sign-in-pair', { tries: 10, seconds: 300 });
/** One account from all addresses that never signed in to it. */
export const SIGN_IN_ACCOUNT = new RateLimit('sign-in-account', { tries: 30, seconds: 900 });
/** One address, across all accounts. */
export const SIGN_IN_ADDRESS = new RateLimit('sign-in-address', { tries: 60, seconds: 300 });
/** An account that signed in from an address: remembered, not counted. */
export const SIGN_IN_KNOWN = new RateLimit('sign-in-known', { tries: 1, seconds: 90 * 86_400 });
/** The current password, guessed by someone who holds a session. */
export const CHANGE_PASSWORD = new RateLimit('change-password', { tries: 10, seconds: 900 });
