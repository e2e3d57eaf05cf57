import { createHash } from 'node:crypto';
import type { Logger } from 'pino';
import type { PendingPolicy, PolicyInForce } from '../proto/gen/ctfleet/v1/policy.ts';
import type { Outbox } from './link/outbox.ts';
import type { ChangeFolder } from './policies/applying/change-folder.ts';
import type { ChangeRecord, PendingChange } from './policies/applying/change-record.ts';
import type { ControllerClock } from './time/controller-clock.ts';

export interface PolicyStateDependencies {
  folder: ChangeFolder;
  outbox: Pick<Outbox, 'policyState'>;
  controllerClock: Pick<ControllerClock, 'offsetMs'>;
  log: Logger;
}

/** Tells the controller which policy is in force here and which waits to be confirmed: on each session, and when either changes. */
export class PolicyStateReports {
  readonly #deps: PolicyStateDependencies;

  constructor(deps: PolicyStateDependencies) {
    this.#deps = deps;
  }

  tell(): void {
    const { folder, outbox, controllerClock, log } = this.#deps;
    try {
      const offsetMs = controllerClock.offsetMs();
      const at = (ms: number): bigint => BigInt(Math.max(0, Math.round(ms + offsetMs)));
      // In this order: a change that is confirmed in between is then told twice, and never not at all.
      const pending = folder.pending();
      const confirmed = folder.confirmed();
      outbox.policyState({
        pending: pending && toPending(pending, at),
        inForce: confirmed && confirmed.document !== '' ? toInForce(confirmed, at) : undefined,
        drift: [],
        driftLeft: 0,
        unknown: '',
      });
    } catch (error) {
      log.warn({ err: error }, 'how this gateway is set could not be told');
    }
  }
}

function toPending({ phase, record }: PendingChange, at: (ms: number) => bigint): PendingPolicy {
  const { id: changeId, policy, commandId = '', deadlineAt } = record;
  return { changeId, policy, commandId, untilMs: at(deadlineAt), isInForce: phase === 'unconfirmed' };
}

function toInForce({ id: changeId, policy, document, commandId = '', beganAt }: ChangeRecord, at: (ms: number) => bigint): PolicyInForce {
  return { changeId, policy, documentSha256: createHash('sha256').update(document).digest('hex'), commandId, sinceMs: at(beganAt) };
}
