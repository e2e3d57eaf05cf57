import { NotificationKind } from '../platform/replica-notifications.ts';

/** Something about a gateway changed that lists show. The payload is its id. */
export const GATEWAY_CHANGED = new NotificationKind('gateway');
/** A gateway may no longer have a session. The payload is its id. */
export const GATEWAY_REVOKED = new NotificationKind('revoked');
/** A session was opened. The payload is the gateway's id and the session's epoch. */
export const SESSION_OPENED = new NotificationKind('opened');
