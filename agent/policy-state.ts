import { createHash } from 'node:crypto';
import { PolicyDrift, type PolicyState } from '../proto/gen/ctfleet/v1/policy.ts';
import { effectiveDocument } from '../proto/model/policy/effective-document.ts';
import { effectivePolicy } from '../proto/model/policy/effective.ts';
import { readPolicy } from '../proto/model/policy/read.ts';
import { writePolicy } from '../proto/model/policy/write.ts';
import type { Outbox } from './link/outbox.ts';
import type { ChangeFolder } from './policies/applying/change-folder.ts';
import type { ChangeRecord } from './policies/applying/change-record.ts';
import type { StandingDrift, StandingPolicy } from './policies/standing/standing-policy.ts';
import type { KnownDrift } from './policies/standing/drift-book.ts';

export interface PolicyStateDependencies {
  folder: Pick<ChangeFolder, 'pending' | 'confirmed'>;
  standing: Pick<StandingPolicy, 'drift' | 'onLook'>;
  outbox: Pick<Outbox, 'policyState'>;
  /** A time of this gateway’s wall clock as the controller has it. */
  toControllerMs: (wallMs: number) => number;
  log: { warn: (fields: object, message: string) => void };
}

/** Of drift in one message, which has 256 KiB at most. */
const MAX_DRIFT_BYTES = 192 * 1024;

/** Tells the controller how this gateway is set: when asked to, and at each look at which that has changed. */
export class PolicyStateReports {
  readonly #deps: PolicyStateDependencies;
  readonly #digests = new Map<string, string>();
  #told = '';

  constructor(deps: PolicyStateDependencies) {
    this.#deps = deps;
    deps.standing.onLook(() => this.#tell({ isAsked: false }));
  }

  /** A session began. */
  tell(): void {
    this.#tell({ isAsked: true });
  }

  #tell({ isAsked }: { isAsked: boolean }): void {
    const { outbox, toControllerMs, log } = this.#deps;
    try {
      const state = this.#state();
      const text = JSON.stringify(state);
      if (!isAsked && text === this.#told) return;
      this.#told = text;
      outbox.policyState(toWire(state, (ms) => BigInt(Math.max(0, Math.round(toControllerMs(ms))))));
    } catch (error) {
      log.warn({ err: error }, 'how this gateway is set could not be told');
    }
  }

  #state(): State {
    const { folder, standing } = this.#deps;
    // In this order: a change that is confirmed in between is then told twice, and never not at all.
    const [pending, kept] = [folder.pending(), folder.confirmed()];
    // What an undo put back to nothing is no policy.
    const confirmed = kept?.document === '' ? undefined : kept;
    const drift = standing.drift();
    return {
      ...(confirmed && { inForce: { record: named(confirmed), documentSha256: this.#digestOf(confirmed) } }),
      ...(pending && { pending: { record: named(pending.record), isInForce: pending.phase === 'unconfirmed' } }),
      ...(drift && drift.changeId === confirmed?.id && { drift }),
    };
  }

  /** Of all that the policy comes to, so that it is the same for the same values, whatever the document was called. */
  #digestOf({ id, document: text }: ChangeRecord): string {
    const known = this.#digests.get(id);
    if (known !== undefined) return known;
    const read = readPolicy(text);
    const whole =
      'document' in read
        ? writePolicy(effectiveDocument(effectivePolicy([{ policyId: '', level: 'gateway', document: read.document }])))
        : text;
    const digest = createHash('sha256').update(whole).digest('hex');
    this.#digests.clear();
    this.#digests.set(id, digest);
    return digest;
  }
}

type NamedRecord = Pick<ChangeRecord, 'id' | 'policy' | 'commandId' | 'beganAt' | 'deadlineAt'>;

/** Times by this gateway’s wall clock. */
interface State {
  inForce?: { record: NamedRecord; documentSha256: string };
  pending?: { record: NamedRecord; isInForce: boolean };
  drift?: StandingDrift;
}

function named({ id, policy, commandId, beganAt, deadlineAt }: ChangeRecord): NamedRecord {
  return { id, policy, commandId, beganAt, deadlineAt };
}

function toWire({ inForce, pending, drift }: State, at: (ms: number) => bigint): PolicyState {
  return {
    inForce: inForce && {
      changeId: inForce.record.id,
      policy: inForce.record.policy,
      documentSha256: inForce.documentSha256,
      commandId: inForce.record.commandId ?? '',
      sinceMs: at(inForce.record.beganAt),
    },
    pending: pending && {
      changeId: pending.record.id,
      policy: pending.record.policy,
      commandId: pending.record.commandId ?? '',
      untilMs: at(pending.record.deadlineAt),
      isInForce: pending.isInForce,
    },
    ...toWireDrift(drift, at),
    unknown: drift?.unknown ?? '',
  };
}

function toWireDrift(drift: StandingDrift | undefined, at: (ms: number) => bigint): Pick<PolicyState, 'drift' | 'driftLeft'> {
  if (!drift) return { drift: [], driftLeft: 0 };
  const { open, past, left } = drift;
  const whole = [...open, ...past.map((one) => ({ ...one, isSetAgain: true }))].map((one: KnownDrift & { isSetAgain?: boolean }) => ({
    path: one.path,
    wanted: one.wanted ?? '',
    actual: one.actual ?? '',
    sinceMs: at(one.since),
    process: one.process ?? '',
    isSetAgain: one.isSetAgain ?? false,
    isIgnored: one.isIgnored ?? false,
  }));
  let bytes = 0;
  const told = whole.filter((one) => (bytes += PolicyDrift.encode(one).finish().length) <= MAX_DRIFT_BYTES);
  return { drift: told, driftLeft: left + whole.length - told.length };
}
