import { RateLimit } from '../platform/rate-limits.ts';

/** Mail to one person that people ask for. */
export const MAIL_PERSON = new RateLimit('mail-person', { tries: 5, seconds: 3600 });
/** Mail that is asked for in one tenant, or by a role over all. */
export const MAIL_TENANT = new RateLimit('mail-tenant', { tries: 100, seconds: 3600 });
/** Test mails of one person. */
export const MAIL_TEST = new RateLimit('mail-test', { tries: 5, seconds: 600 });
