import { NotificationKind } from '../platform/replica-notifications.ts';

/** What gateways should run on their own was changed. The payload is the remediation's id. */
export const REMEDIATIONS_CHANGED = new NotificationKind('remediations');
/** A run began, progressed or ended. The payload is its id. */
export const RUN_CHANGED = new NotificationKind('remediation-run');
