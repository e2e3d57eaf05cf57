import { randomUUID } from 'node:crypto';
import type { ActualPolicy } from '../../../proto/model/policy/actual.ts';
import { differenceOf, type PolicyDifference } from '../../../proto/model/policy/difference.ts';
import type { PolicyDocument, PolicyMatch } from '../../../proto/model/policy/document.ts';
import { effectivePolicy, type EffectivePolicy } from '../../../proto/model/policy/effective.ts';
import { quietly } from '../../disk/files.ts';
import { FleetError } from '../../../proto/model/error-codes.ts';
import { writePolicy } from '../../../proto/model/policy/write.ts';
import type { BootClock } from '../../time/boot-clock.ts';
import type { Policies } from '../reading/policies.ts';
import { TABLE_LAYOUT, type PolicyTable } from '../policy-table.ts';
import { endsUnmet, type EndedUnmet } from './end-unmet.ts';
import { rulesIn } from '../rules-in.ts';
import { carryOut } from './carry-out.ts';
import type { ChangeFolder } from './change-folder.ts';
import { DIED, GRACE_MS, type ChangeOutcome, type ChangeRecord, type PendingChange } from './change-record.ts';
import { changeSetOf, wayBackOf, type ChangeSet, type HeldValues } from './change-set.ts';
import { whyNotConfirmed, type Confirmer } from './confirmation.ts';
import type { DeadMan } from './dead-man.ts';
import type { PolicyKernel } from './kernel.ts';
import type { ProcessIdentity } from './process-identity.ts';
import { forget, putBack } from './put-back.ts';

export interface ChangeHands {
  folder: ChangeFolder;
  kernel: PolicyKernel;
  policies: Pick<Policies, 'read'>;
  deadMan: DeadMan;
  clock: BootClock;
  /** Milliseconds since 1970, for people. */
  now: () => number;
  /** Packets that no policy touches, as they are now. */
  spared: () => Promise<PolicyMatch[]>;
  process: () => ProcessIdentity;
  namespace: () => string;
  /** Ends the flows that do not meet a stricter mode of a change that was confirmed. */
  endUnmet: (record: ChangeRecord) => Promise<EndedUnmet>;
}

export interface ApplyOptions {
  /** The command that asks for it. */
  commandId?: string;
  /** Called when nothing is changed yet; what it throws refuses the change. */
  check?: (plan: Pick<GatewayPlan, 'difference' | 'changes'>) => void;
}

/** What a policy would do here. */
export interface GatewayPlan {
  effective: EffectivePolicy;
  actual: ActualPolicy;
  difference: PolicyDifference;
  changes: ChangeSet;
  held: HeldValues;
  spared: PolicyMatch[];
  /** Our table as it is. */
  found?: PolicyTable;
}

/** Changes this gateway's policy so that it is put back by itself unless somebody confirms. One change at a time, of all processes. */
export class PolicyChanges {
  readonly #hands: ChangeHands;

  constructor(hands: ChangeHands) {
    this.#hands = hands;
  }

  /** Changes nothing. Throws GUARD_REFUSED for what could not be put back as it was. */
  async plan(document: PolicyDocument): Promise<GatewayPlan> {
    const { policies, kernel, spared: sparedNow } = this.#hands;
    const effective = effectivePolicy([{ policyId: '', level: 'gateway', document }]);
    const { actual: read } = await policies.read(new AbortController().signal);
    const found = read.noTable === undefined ? await kernel.table() : undefined;
    const { table: _, ...rest } = read;
    const actual: ActualPolicy = { ...rest, ...(found && { table: rulesIn(found) }) };
    const difference = differenceOf(effective.values, actual);
    const spared = await sparedNow();
    const planned = { effective, actual, difference, spared, ...(found && { found: found.table }) };
    return { ...planned, ...changeSetOf({ wanted: effective.values, difference, actual, found, spared }) };
  }

  /**
   * Puts a policy in force until its deadline: on disk first, then the dead-man, then the kernel, which is read back. Throws FleetError if
   * any of it fails, and then the gateway is as it was, or the message says what is not.
   */
  async apply(
    document: PolicyDocument,
    withinMs: number,
    { commandId, check }: ApplyOptions = {},
  ): Promise<{ plan: GatewayPlan; record: ChangeRecord }> {
    return this.#locked(async () => {
      await this.#refuseSecond();
      const plan = await this.plan(document);
      check?.(plan);
      const said = { policy: document.metadata.name, document: writePolicy(document) };
      const record = this.#recordOf({ ...said, commandId, before: beforeOf(this.#hands.folder) }, plan, withinMs);
      return { plan, record: await this.#begin(record) };
    });
  }

  /**
   * Takes back what that command put in force, to what was confirmed before, in the same way. Throws PLAN_DRIFTED if it is not what holds
   * now, and as `apply` does.
   */
  async undo(commandId: string, withinMs: number, options: { commandId: string; check: () => void }): Promise<ChangeRecord> {
    return this.#locked(async () => {
      await this.#refuseSecond();
      const { folder, kernel, spared: sparedNow } = this.#hands;
      const confirmed = folder.confirmed();
      if (confirmed?.commandId !== commandId)
        throw new FleetError('PLAN_DRIFTED', 'What that roll-out put in force is no longer what holds here.');
      const spared = await sparedNow();
      const { changes, held } = wayBackOf(confirmed, { settings: kernel.settings(), found: await kernel.table(), spared });
      options.check();
      const said = { policy: confirmed.before?.policy ?? 'none', document: confirmed.before?.document ?? '' };
      return this.#begin(this.#recordOf({ ...said, commandId: options.commandId }, { changes, held, spared }, withinMs));
    });
  }

  /**
   * Makes the pending change hold for good; if an id is given, only that one. Throws GUARD_REFUSED where it does not count, NOT_FOUND where
   * there is none.
   */
  async confirm(by: Confirmer, only?: string): Promise<ChangeRecord> {
    const { folder, kernel, clock, now } = this.#hands;
    return this.#locked(async () => {
      const pending = this.#pendingHere('to confirm');
      if (only !== undefined && pending.record.id !== only) throw none('to confirm');
      const why = whyNotConfirmed(pending, by, clock.bootMs());
      if (why !== undefined) throw new FleetError('GUARD_REFUSED', `Policy ${pending.record.policy} is not confirmed: ${why}.`);
      if (!folder.confirm()) throw none('to confirm');
      const { id, policy, commandId, changes } = pending.record;
      const of = { id, policy, ...(commandId !== undefined && { commandId }) };
      const unmet = await this.#endUnmet(pending.record);
      folder.tell({ ...of, outcome: 'confirmed', why: 'It was confirmed.', at: now(), ...(unmet && { unmet }) });
      // What is left does nothing, and goes when an agent looks after the policy the next time.
      if (changes.table) await kernel.tidyTable(changes.table.to).catch(() => undefined);
      return pending.record;
    });
  }

  /**
   * Puts the gateway back at once; if a command is given, only from what that one put in force. Throws NOT_FOUND where no such change is
   * pending, INTERNAL if something is not as it was.
   */
  async restore(why: string, commandId?: string): Promise<ChangeOutcome> {
    return this.#locked(() => {
      const pending = this.#pendingHere('to put back');
      if (commandId !== undefined && pending.record.commandId !== commandId) throw none('to put back');
      return this.#putBack(pending, why);
    });
  }

  /** For whoever starts to look after this gateway: what is pending is put back. Undefined if nothing is, or not in this namespace. */
  async settle(why: string): Promise<ChangeOutcome | undefined> {
    const { folder } = this.#hands;
    if (!folder.pending()) return undefined;
    return this.#locked(async () => {
      const pending = folder.pending();
      if (!pending) return undefined;
      if (this.#isGone(pending.record)) return forget(pending, this.#hands);
      return this.#isElsewhere(pending.record) ? undefined : this.#putBack(pending, why);
    });
  }

  async #begin(record: ChangeRecord): Promise<ChangeRecord> {
    try {
      this.#hands.folder.begin(record);
    } catch (error) {
      // It may be in place all the same; nothing was changed by it.
      quietly(() => this.#hands.folder.end('changing'));
      throw refused(`its record could not be written (${(error as Error).message})`, error);
    }
    return this.#carryOut(record);
  }

  /** Only now that nothing is put back any more. A failure leaves flows as they are, and the policy holds. */
  async #endUnmet(record: ChangeRecord): Promise<EndedUnmet | undefined> {
    if (!endsUnmet(record)) return undefined;
    try {
      return await this.#hands.endUnmet(record);
    } catch (error) {
      return { ended: 0, left: 0, why: (error as Error).message };
    }
  }

  async #carryOut(record: ChangeRecord): Promise<ChangeRecord> {
    const { folder, kernel, deadMan, clock } = this.#hands;
    try {
      await deadMan.start(record);
      await carryOut(record.changes, kernel);
      const verified = { ...record, verifiedAtBootMs: clock.bootMs() };
      folder.verified(verified);
      return verified;
    } catch (error) {
      const phase = folder.phaseOf(record.id) ?? 'changing';
      await this.#putBack({ phase, record }, `It did not take effect: ${(error as Error).message}.`);
      throw refused((error as Error).message, error);
    }
  }

  async #putBack(pending: PendingChange, why: string): Promise<ChangeOutcome> {
    try {
      return await putBack(pending, this.#hands, why);
    } catch (error) {
      throw new FleetError(
        'INTERNAL',
        `Not everything could be put back: ${(error as Error).message}. It is tried again until it is; see “policy show”.`,
        {},
        { cause: error },
      );
    }
  }

  #recordOf(
    { policy, document, commandId, before }: Pick<ChangeRecord, 'policy' | 'document' | 'commandId' | 'before'>,
    { changes, held, spared }: Pick<GatewayPlan, 'changes' | 'held' | 'spared'>,
    withinMs: number,
  ): ChangeRecord {
    const { clock, now, namespace, process } = this.#hands;
    const beganAt = now();
    return {
      id: randomUUID(),
      policy,
      document,
      ...(commandId !== undefined && { commandId }),
      ...(before && { before }),
      bootId: clock.bootId(),
      namespace: namespace(),
      process: process(),
      deadlineBootMs: clock.bootMs() + withinMs,
      beganAt,
      deadlineAt: beganAt + withinMs,
      changes,
      held,
      spared,
      layout: TABLE_LAYOUT,
    };
  }

  /** Throws where a change is pending already. What another kernel left is forgotten, and what a program left that has died is put back. */
  async #refuseSecond(): Promise<void> {
    const pending = this.#hands.folder.pending();
    if (!pending) return;
    if (this.#isGone(pending.record)) return void forget(pending, this.#hands);
    if (pending.phase === 'unconfirmed' || this.#isElsewhere(pending.record))
      throw new FleetError('GUARD_REFUSED', `Policy ${pending.record.policy} is not confirmed yet. Confirm it or put it back first.`);
    await this.#putBack(pending, DIED);
  }

  #pendingHere(what: string): PendingChange {
    const pending = this.#hands.folder.pending();
    if (!pending || this.#isGone(pending.record)) throw none(what);
    if (this.#isElsewhere(pending.record))
      throw new FleetError('GUARD_REFUSED', `Policy ${pending.record.policy} was set in another network namespace. Run this in that one.`);
    return pending;
  }

  /** A kernel that has started since holds nothing of it, nor does a network namespace that its dead-man has left without a word. */
  #isGone(record: ChangeRecord): boolean {
    const { clock } = this.#hands;
    return record.bootId !== clock.bootId() || (this.#isElsewhere(record) && clock.bootMs() > record.deadlineBootMs + GRACE_MS);
  }

  #isElsewhere({ namespace }: ChangeRecord): boolean {
    return namespace !== this.#hands.namespace();
  }

  async #locked<T>(work: () => Promise<T>): Promise<T> {
    const { folder, clock } = this.#hands;
    const release = await folder.lock(clock);
    try {
      return await work();
    } finally {
      release();
    }
  }
}

/** What is confirmed now, without what was before that. One that cannot be read is nothing to go back to. */
function beforeOf(folder: ChangeFolder): ChangeRecord['before'] {
  try {
    const confirmed = folder.confirmed();
    if (!confirmed || confirmed.document === '') return undefined;
    const { id, policy, document, commandId, held } = confirmed;
    return { id, policy, document, ...(commandId !== undefined && { commandId }), held };
  } catch {
    return undefined;
  }
}

function none(what: string): FleetError {
  return new FleetError('NOT_FOUND', `There is no policy ${what}.`);
}

function refused(why: string, cause: unknown): FleetError {
  return new FleetError('UNAVAILABLE', `The policy is not in force, and everything is as it was: ${why}.`, {}, { cause });
}
