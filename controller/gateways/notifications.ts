import { NotificationKind } from '../platform/replica-notifications.ts';

/** The tags of a gateway were changed: its partners and the scopes that name it may differ. The payload is its id. */
export const TAGS_CHANGED = new NotificationKind('tags');
