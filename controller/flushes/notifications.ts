import { NotificationKind } from '../platform/replica-notifications.ts';

/** A flush or one of its targets changed. The payload is the flush's id. */
export const FLUSH_CHANGED = new NotificationKind('flush');
/** Commands, stops or both are waiting for a gateway. The payload is its id. */
export const COMMANDS_WAITING = new NotificationKind('deliver');
/** The outbox or the next wave of a flush is waiting for a worker. There is no payload. */
export const WORK_WAITING = new NotificationKind('work');
