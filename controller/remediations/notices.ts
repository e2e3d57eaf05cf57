import { NoticeKind } from '../platform/notices.ts';

/** What gateways are to run by themselves was changed. The payload is the remediation's id. */
export const REMEDIATIONS_CHANGED = new NoticeKind('remediations');
