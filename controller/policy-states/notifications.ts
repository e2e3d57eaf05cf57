import { NotificationKind } from '../platform/replica-notifications.ts';

/** Somebody has decided about drift. The payload is the gateway's id. */
export const DRIFT_DECIDED = new NotificationKind('drift_decided');
