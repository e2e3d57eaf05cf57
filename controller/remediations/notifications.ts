import { NotificationKind } from '../platform/replica-notifications.ts';

/** What gateways are to run by themselves was changed. The payload is the remediation's id. */
export const REMEDIATIONS_CHANGED = new NotificationKind('remediations');
/** A run began, went on or ended. The payload is its id. */
export const RUN_CHANGED = new NotificationKind('remediation-run');
