import { NotificationKind } from '../platform/replica-notifications.ts';

/** The authority changed: who signs, or who is trusted. */
export const AUTHORITY_CHANGED = new NotificationKind('authority');
