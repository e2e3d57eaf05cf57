import { FleetError } from '../../../proto/model/error-codes.ts';
import {
  EXPLAINS_TRACKING,
  PLANS_POLICY,
  READS_POLICY,
  type AskedPacket,
  type PolicyReading,
  type TrackingExplanation,
} from '../../../proto/model/policy/gateway-reading.ts';
import { whyNoRules } from '../../conntrack/stale/kernel-rules.ts';
import { OwnTable } from '../own-table.ts';
import type { FoundTable } from '../read-ruleset.ts';
import { readOwnTable } from './read-own-table.ts';
import type { Policies } from './policies.ts';
import { ReadingThread } from './reading-thread.ts';
import type { ThreadOutcome } from './thread.ts';

/** Those of this process's network namespace, answered off the thread of the link. */
export class KernelPolicies implements Policies {
  readonly #thread = new ReadingThread();
  readonly #table: OwnTable;

  constructor(table = new OwnTable()) {
    this.#table = table;
  }

  abilities(): { can: string[]; cannot: Record<string, string> } {
    const why = whyNoRules();
    return why === undefined
      ? { can: [READS_POLICY, PLANS_POLICY, EXPLAINS_TRACKING], cannot: {} }
      : { can: [READS_POLICY, PLANS_POLICY], cannot: { [EXPLAINS_TRACKING]: why } };
  }

  async read(signal: AbortSignal): Promise<PolicyReading> {
    const [outcome, own] = await Promise.all([this.#thread.ask({ kind: 'read' }, signal), readOwnTable(this.#table)]);
    if (outcome.kind !== 'read') throw unexpected(outcome);
    const { actual, unread, ...rest } = outcome.reading;
    const { unread: unreadOwn, ...table } = own;
    return { ...rest, actual: { ...actual, ...table }, unread: [...unread, ...unreadOwn] };
  }

  ownTable(): Promise<FoundTable | undefined> {
    return this.#table.found();
  }

  async explain(packet: AskedPacket, signal: AbortSignal): Promise<TrackingExplanation> {
    const outcome = await this.#thread.ask({ kind: 'explain', packet }, signal);
    if (outcome.kind !== 'explained') throw unexpected(outcome);
    return outcome.explanation;
  }
}

function unexpected(outcome: ThreadOutcome): FleetError {
  return outcome.kind === 'refused'
    ? new FleetError('CAPABILITY_MISSING', outcome.why)
    : new FleetError('INTERNAL', `The thread answered with ${outcome.kind}.`);
}
