import { NotificationKind } from '../platform/replica-notifications.ts';

/** The head of a chain was signed. The payload is the chain. */
export const CHECKPOINT_SIGNED = new NotificationKind('checkpoint');
