import { NoticeKind } from '../platform/notices.ts';

/** A block is to be lifted before its time. The payload is the gateway's id. */
export const BLOCK_LIFTED = new NoticeKind('block_lifted');
