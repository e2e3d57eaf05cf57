import { NotificationKind } from '../platform/replica-notifications.ts';

/** An alert was raised, cleared, or changed by somebody. */
export const ALERT_CHANGED = new NotificationKind('alert');
/** Rules or maintenance windows. */
export const ALERT_RULES_CHANGED = new NotificationKind('alert_rules');
