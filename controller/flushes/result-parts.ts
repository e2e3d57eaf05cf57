import { Result, type OutcomeRun } from '../../proto/gen/ctfleet/v1/operation.ts';
import { FleetError } from '../../proto/model/error-codes.ts';

/** One result that is not whole yet. Runs are kept as they are stored: an object for each would be twenty times as large. */
interface Collection {
  commandId: string;
  planned: number;
  flows: number;
  next: number;
  chunks: Uint8Array[];
  bytes: number;
}

/** Of all gateways together. */
export const MAX_BYTES = 64 * 1024 * 1024;

/**
 * Parts of results until the last has come. A gateway has one at a time, since an agent says one result after the other; it holds no more
 * than
 * the plan has flows.
 */
export class ResultParts {
  private readonly open = new Map<string, Collection>();
  private bytes = 0;

  /** A result begins, of a command that was looked up. One that was not whole gives way. */
  begin(gatewayId: string, commandId: string, planned: number): void {
    this.forget(gatewayId);
    this.open.set(gatewayId, { commandId, planned, flows: 0, next: 0, chunks: [], bytes: 0 });
  }

  /**
   * Takes the next part. All runs of outcomes once it was the last; undefined before, and for a part out of turn. Throws UNAVAILABLE where all gateways
   * together send too much.
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

  /** What is not whole of a gateway is dropped. */
  forget(gatewayId: string): void {
    this.bytes -= this.open.get(gatewayId)?.bytes ?? 0;
    this.open.delete(gatewayId);
  }

  /** Bytes that are kept now. */
  get keptBytes(): number {
    return this.bytes;
  }
}

/** Those of the runs of outcomes that are about so many flows; a run of no flow is none. */
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
