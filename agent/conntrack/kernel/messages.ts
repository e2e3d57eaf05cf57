import type { ErrorCode } from '../../../proto/model/error-codes.ts';
import type { Flow, FlowKey } from '../../../proto/model/flow.ts';
import type { ColumnData } from '../rows/columns.ts';
import type { Placement } from './placement.ts';
import type { EffectsAnswer, EffectsAsk } from '../effects-ask.ts';
import type { Collecting, Fresh } from './queries.ts';
import type {
  Breakdown,
  DeleteOutcome,
  Expectation,
  ExpireOutcome,
  FlowContext,
  FlowIdentity,
  RestoreOutcome,
  SearchAnswer,
  SearchOptions,
} from '../table.ts';

/** What the table asks of its worker, and what one answer carries. Collections answer with batches, then with nothing. */
export interface Queries {
  search: { ask: Fresh<Omit<SearchOptions, 'signal' | 'maxAgeMs'>>; answer: SearchAnswer };
  breakdown: { ask: Fresh<{ context: FlowContext }>; answer: Breakdown };
  effects: { ask: Fresh<EffectsAsk & { context: FlowContext }>; answer: EffectsAnswer };
  delete: { ask: FlowIdentity[]; answer: DeleteOutcome[] };
  areThere: { ask: FlowIdentity[]; answer: boolean[] };
  expire: { ask: { keys: FlowKey[]; seconds: number }; answer: ExpireOutcome[] };
  restore: { ask: Flow[]; answer: RestoreOutcome[] };
  lookup: { ask: { keys: FlowKey[]; context: FlowContext }; answer: (Flow | undefined)[] };
  expectations: { ask: { master?: FlowKey }; answer: Expectation[] };
  deleteExpectations: { ask: FlowKey[]; answer: DeleteOutcome[] };
  collect: { ask: Fresh<Collecting>; answer: undefined };
}
export type QueryKind = keyof Queries;
/** Queries that answer in batches. */
export type BatchKind = 'collect';
export type Answer = Queries[QueryKind]['answer'];

/**
 * `cancelled[0]` becomes 1 when nobody wants the answer any more; a walk looks at it after each block, as it cannot read messages
 * meanwhile.
 */
export type Request = {
  [Kind in QueryKind]: { id: number; kind: Kind; ask: Queries[Kind]['ask']; cancelled: Int32Array };
}[QueryKind];

/** `more`: the reader of a collection has taken a batch. */
export type ToWorker = Request | { id: number; kind: 'more' } | { kind: 'close' };

export type FromWorker =
  | { kind: 'placed'; placement: Placement }
  | { id: number; kind: 'batch'; rows: ColumnData }
  | { id: number; kind: 'answer'; answer: Answer }
  | { id: number; kind: 'error'; code: ErrorCode; message: string; fields: Record<string, unknown> };

/** Batches of a collection that may wait to be read; then the walk pauses. */
export const BATCHES_AHEAD = 2;
