import type { ErrorCode } from '../../proto/model/error-codes.ts';
import type { Flow, FlowKey } from '../../proto/model/flow.ts';
import type { FlowFilter } from '../../proto/model/filter/filter.ts';
import type { Breakdown, DeleteOutcome, ExpireOutcome, FlowContext, FlowIdentity, RestoreOutcome, SearchAnswer, SearchOptions } from './table.ts';

/** What the table asks of its worker, and what one answer carries. Collections answer with batches, then with nothing. */
export interface Questions {
  search: { ask: Omit<SearchOptions, 'signal'>; answer: SearchAnswer };
  breakdown: { ask: FlowContext; answer: Breakdown };
  delete: { ask: FlowKey[]; answer: DeleteOutcome[] };
  areThere: { ask: FlowIdentity[]; answer: boolean[] };
  expire: { ask: { keys: FlowKey[]; seconds: number }; answer: ExpireOutcome[] };
  restore: { ask: Flow[]; answer: RestoreOutcome[] };
  lookup: { ask: { keys: FlowKey[]; context: FlowContext }; answer: (Flow | undefined)[] };
  collect: { ask: { filter: FlowFilter; wans: FlowContext['wans'] }; answer: undefined };
}
export type QuestionKind = keyof Questions;
export type Answer = Questions[QuestionKind]['answer'];

/** `cancelled[0]` becomes 1 when nobody wants the answer any more; a walk looks at it after each block, as it cannot read messages meanwhile. */
export type Request = { [Kind in QuestionKind]: { id: number; kind: Kind; ask: Questions[Kind]['ask']; cancelled: Int32Array } }[QuestionKind];

/** `more`: the reader of a collection has taken a batch. */
export type ToWorker = Request | { id: number; kind: 'more' } | { kind: 'close' };

/** Bodies of entries, one behind the other, each up to its end. Bytes pass between threads for nothing; flows would be copied field by field. */
export interface Bodies { bytes: Uint8Array<ArrayBuffer>; ends: number[] }

export type FromWorker =
  | { id: number; kind: 'batch'; bodies: Bodies }
  | { id: number; kind: 'answer'; answer: Answer }
  | { id: number; kind: 'error'; code: ErrorCode; message: string; fields: Record<string, unknown> };

/** Batches of a collection that may wait to be read; then the walk pauses. */
export const BATCHES_AHEAD = 2;
