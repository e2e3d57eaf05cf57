import { NotificationKind } from '../platform/replica-notifications.ts';

/** From where on a second person is needed was changed. The payload is the tenant's id. */
export const LIMITS_CHANGED = new NotificationKind('limits');
