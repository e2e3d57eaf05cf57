import { NotificationKind } from '../platform/replica-notifications.ts';

/** A block is to be lifted before its time. The payload is the gateway's id. */
export const BLOCK_LIFTED = new NotificationKind('block_lifted');
