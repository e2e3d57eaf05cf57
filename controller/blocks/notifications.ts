import { NotificationKind } from '../platform/replica-notifications.ts';

/** A block has to be lifted early. The payload is the gateway's id. */
export const BLOCK_LIFTED = new NotificationKind('block_lifted');
