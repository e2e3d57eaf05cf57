import { NoticeKind } from '../platform/notices.ts';

/** The head of a chain was signed. The payload is the chain. */
export const CHECKPOINT_SIGNED = new NoticeKind('checkpoint');
