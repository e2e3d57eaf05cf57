import { NotificationKind } from '../platform/replica-notifications.ts';

/** The tags of a gateway were changed: who its partners are, and which scopes name it. The payload is its id. */
export const TAGS_CHANGED = new NotificationKind('tags');
