import { NoticeKind } from '../platform/notices.ts';

/** From where on a second person is needed was changed. The payload is the tenant's id. */
export const LIMITS_CHANGED = new NoticeKind('limits');
