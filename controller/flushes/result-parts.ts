import { Result, type OutcomeRun } from '../../proto/gen/ctfleet/v1/operation.ts';
import { FleetError } from '../../proto/model/error-codes.ts';

/** A partial result. Runs are kept in their stored form: one object per run would be twenty times as large. */
interface Collection {
  commandId: string;
  planned: number;
  flows: number;
  next: number;
  chunks: Uint8Array[];
  bytes: number;
}

/** Across all gateways. */
export const MAX_BYTES = 64 * 1024 * 1024;

/**
 * Collects the parts of results until the last one has arrived. One result per gateway at a time, since an agent reports one result after
 * the other; it holds no more than the plan has flows.
 */
export class ResultParts {
  private readonly open = new Map<string, Collection>();
  private bytes = 0;

  /** Begins a result of a command that was looked up. Replaces an incomplete one. */
  begin(gatewayId: string, commandId: string, planned: number): void {
    this.forget(gatewayId);
    this.open.set(gatewayId, { commandId, planned, flows: 0, next: 0, chunks: [], bytes: 0 });
  }

  /**
   * Takes the next part. Returns all runs of outcomes after the last part, undefined before that and for a part out of turn. Throws
   * UNAVAILABLE if all gateways together send too much.
   */
  add(gatewayId: string, { commandId, part, runs: outcomeRuns, isLastPart }: Result): OutcomeRun[] | undefined {
    const collection = this.open.get(gatewayId);
    if (collection?.commandId !== commandId || collection.next !== part) return undefined;
    const kept = outcomeRunsWithin(outcomeRuns, collection.planned - collection.flows);
    const chunk = Result.encode(Result.fromPartial({ runs: kept })).finish();
    if (this.bytes + chunk.length > MAX_BYTES) {
      this.forget(gatewayId);
      throw new FleetError('UNAVAILABLE', 'Too many long results are in transfer. Reconnect and report this one again.');
    }
    collection.chunks.push(chunk);
    collection.flows += kept.reduce((sum, { count }) => sum + count, 0);
    collection.bytes += chunk.length;
    collection.next++;
    this.bytes += chunk.length;
    if (!isLastPart) return undefined;
    this.forget(gatewayId);
    return Result.decode(Buffer.concat(collection.chunks)).runs;
  }

  /** Drops the incomplete result of a gateway. */
  forget(gatewayId: string): void {
    this.bytes -= this.open.get(gatewayId)?.bytes ?? 0;
    this.open.delete(gatewayId);
  }

  /** Bytes currently held. */
  get keptBytes(): number {
    return this.bytes;
  }
}

/** The runs of outcomes that cover the first `flows` flows; empty runs are dropped. */
export function outcomeRunsWithin(outcomeRuns: readonly OutcomeRun[], flows: number): OutcomeRun[] {
  const kept: OutcomeRun[] = [];
  let left = flows;
  for (const { outcome, count } of outcomeRuns) {
    if (left <= 0) break;
    if (count > 0) kept.push({ outcome, count: Math.min(count, left) });
    left -= count;
  }
  return kept;
}
