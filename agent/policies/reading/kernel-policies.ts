import { Worker } from 'node:worker_threads';
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
import type { FoundTable } from '../read-ruleset.ts';
import { foundOwnTable, readOwnTable } from './own-table.ts';
import type { Policies } from './policies.ts';
import type { ThreadOutcome, ThreadTask } from './thread.ts';

/** Those of this process's network namespace. Each question is answered by a thread of its own, off the thread of the link. */
export class KernelPolicies implements Policies {
  abilities(): { can: string[]; cannot: Record<string, string> } {
    const why = whyNoRules();
    return why === undefined
      ? { can: [READS_POLICY, PLANS_POLICY, EXPLAINS_TRACKING], cannot: {} }
      : { can: [READS_POLICY, PLANS_POLICY], cannot: { [EXPLAINS_TRACKING]: why } };
  }

  async read(signal: AbortSignal): Promise<PolicyReading> {
    const [outcome, own] = await Promise.all([inThread({ kind: 'read' }, signal), readOwnTable()]);
    if (outcome.kind !== 'read') throw unexpected(outcome);
    const { actual, unread, ...rest } = outcome.reading;
    const { unread: unreadOwn, ...table } = own;
    return { ...rest, actual: { ...actual, ...table }, unread: [...unread, ...unreadOwn] };
  }

  ownTable(): Promise<FoundTable | undefined> {
    return foundOwnTable();
  }

  async explain(packet: AskedPacket, signal: AbortSignal): Promise<TrackingExplanation> {
    const outcome = await inThread({ kind: 'explain', packet }, signal);
    if (outcome.kind !== 'explained') throw unexpected(outcome);
    return outcome.explanation;
  }
}

/** Throws CANCELLED when the signal aborts, UNAVAILABLE if the thread ends without an answer. */
function inThread(task: ThreadTask, signal: AbortSignal): Promise<ThreadOutcome> {
  // Run from source the thread is TypeScript too; run from build it is not.
  const file = new URL(import.meta.url.endsWith('.ts') ? './thread.ts' : './thread.js', import.meta.url);
  return new Promise<ThreadOutcome>((resolve, reject) => {
    if (signal.aborted) return reject(cancelled());
    // With trackUnmanagedFds Node would close sockets that it did not open itself.
    const worker = new Worker(file, { workerData: task, trackUnmanagedFds: false });
    const stop = (): void => {
      reject(cancelled());
      void worker.terminate();
    };
    signal.addEventListener('abort', stop, { once: true });
    worker.once('message', resolve);
    worker.once('error', reject);
    worker.once('exit', () => {
      signal.removeEventListener('abort', stop);
      reject(new FleetError('UNAVAILABLE', 'The thread that reads the settings ended. Try again.'));
    });
  });
}

function unexpected(outcome: ThreadOutcome): FleetError {
  return outcome.kind === 'refused'
    ? new FleetError('CAPABILITY_MISSING', outcome.why)
    : new FleetError('INTERNAL', `The thread answered with ${outcome.kind}.`);
}

function cancelled(): FleetError {
  return new FleetError('CANCELLED', 'The request was cancelled.');
}
