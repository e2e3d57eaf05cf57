import type { Logger } from 'pino';
import type { ApplyPolicy } from '../proto/gen/ctfleet/v1/policy.ts';
import { FleetError } from '../proto/model/error-codes.ts';
import { differenceDigest } from '../proto/model/policy/difference-digest.ts';
import type { PolicyDocument } from '../proto/model/policy/document.ts';
import { readPolicy } from '../proto/model/policy/read.ts';
import type { PolicyEnd, PolicyWork } from './operations/put-in-force.ts';
import type { ChangeFolder } from './policies/applying/change-folder.ts';
import { unmetSentences } from './policies/applying/end-unmet.ts';
import type { PolicyChanges } from './policies/applying/policy-changes.ts';
import type { BootClock } from './time/boot-clock.ts';

export interface PolicyWorkDependencies {
  folder: ChangeFolder;
  changes: PolicyChanges;
  clock: BootClock;
  /** Ends the session, so that a new one is begun. */
  redial: () => void;
  /** Tells the controller how this gateway is set now. */
  tell: () => void;
  log: Logger;
}

/** How often it is looked whether a policy is confirmed, or put back by its dead-man. */
const LOOK_MS = 500;
/** What waits to be confirmed is told again after so many looks: the controller may not have been able to answer. */
const LOOKS_UNTIL_TOLD = 10;
/** As the controller and `policy apply` have it. */
const WITHIN_SECONDS = { from: 10, to: 3600 };

/** What commands do with this gateway's policy; see `PolicyChanges` for how it is taken back by itself. */
export class GatewayPolicyWork implements PolicyWork {
  readonly #deps: PolicyWorkDependencies;
  readonly #ended = new AbortController();
  /** Until flows that do not meet a stricter mode have ended. */
  #confirming: Promise<unknown> = Promise.resolve();
  /** Ends the wait for the next look. */
  #look = new AbortController();

  constructor(deps: PolicyWorkDependencies) {
    this.#deps = deps;
  }

  async begin(id: string, { document, digest, withinSeconds, insteadOf }: ApplyPolicy, start: () => void): Promise<void> {
    const { changes, tell } = this.#deps;
    if (withinSeconds < WITHIN_SECONDS.from || withinSeconds > WITHIN_SECONDS.to)
      throw new FleetError('INVALID_REQUEST', `A policy waits ${WITHIN_SECONDS.from} to ${WITHIN_SECONDS.to} seconds to be confirmed.`);
    const withinMs = withinSeconds * 1000;
    if (insteadOf !== '') await changes.undo(insteadOf, withinMs, { commandId: id, check: start });
    else {
      await changes.apply(documentOf(document), withinMs, {
        commandId: id,
        check: ({ difference }) => {
          if (!Buffer.from(differenceDigest(difference)).equals(digest)) throw drifted();
          start();
        },
      });
    }
    tell();
  }

  isPending(id: string): boolean {
    try {
      return this.#deps.folder.pending()?.record.commandId === id;
    } catch {
      // What cannot be read is not over.
      return true;
    }
  }

  seekConfirmation(): void {
    this.#deps.redial();
  }

  /** Before a session is dialled. Returns what its confirmations do: what they confirm must have been in force by now. */
  sessionBegins(): (id: string) => Promise<void> {
    const openedAtBootMs = this.#deps.clock.bootMs();
    return (id) => this.#confirm(id, openedAtBootMs);
  }

  /** A session that began too early counts for nothing, and a new one is begun. */
  async #confirm(id: string, openedAtBootMs: number): Promise<void> {
    const { folder, changes, redial, tell, log } = this.#deps;
    try {
      const pending = folder.pending();
      if (pending?.record.commandId !== id || pending.record.verifiedAtBootMs === undefined) return;
      if (openedAtBootMs < pending.record.verifiedAtBootMs) return redial();
      const confirming = changes.confirm({ openedAtBootMs }, pending.record.id);
      this.#confirming = confirming.catch(() => undefined);
      await confirming;
    } catch (error) {
      log.warn({ err: error, command: id }, 'a policy was not confirmed');
    }
    this.#lookNow();
    tell();
  }

  async ended(id: string): Promise<PolicyEnd> {
    const { clock, tell } = this.#deps;
    for (let looks = 1; ; looks++) {
      if (!this.isPending(id)) break;
      await clock.delay(LOOK_MS, AbortSignal.any([this.#ended.signal, this.#look.signal]));
      if (this.#ended.signal.aborted) return new Promise(() => undefined);
      if (looks % LOOKS_UNTIL_TOLD === 0) tell();
    }
    await this.#confirming;
    const end = this.#endOf(id) ?? (await this.#endSoon(id));
    tell();
    return end;
  }

  async stop(id: string): Promise<void> {
    const { changes } = this.#deps;
    if (!this.isPending(id)) return;
    await changes.restore('It was stopped by the controller.', id).catch((error: unknown) => {
      // Its dead-man, or another stop, came first.
      if (!(error instanceof FleetError) || error.code !== 'NOT_FOUND') throw error;
    });
    this.#lookNow();
  }

  #lookNow(): void {
    this.#look.abort();
    this.#look = new AbortController();
  }

  /** The agent ends: what is pending is settled when it starts again. */
  close(): void {
    this.#ended.abort();
  }

  /** Undefined while nothing on the disk says it. */
  #endOf(id: string): PolicyEnd | undefined {
    const { folder } = this.#deps;
    const confirmed = folder.confirmed();
    const outcome = folder.lastOutcome();
    if (outcome?.commandId === id) {
      const { unmet, why } = outcome;
      return { isKept: outcome.outcome === 'confirmed', why, ...(unmet && { unmet: unmetSentences(unmet).join(' ') }) };
    }
    return confirmed && [confirmed.commandId, confirmed.before?.commandId].includes(id)
      ? { isKept: true, why: 'It was confirmed.' }
      : undefined;
  }

  /** Whoever puts it back forgets the change first, and then says how it ended. */
  async #endSoon(id: string): Promise<PolicyEnd> {
    await this.#deps.clock.delay(LOOK_MS, this.#ended.signal);
    return this.#endOf(id) ?? { isKept: false, why: 'The agent stopped before it was in force, or it was put back.' };
  }
}

function documentOf(text: string): PolicyDocument {
  const read = readPolicy(text);
  if ('document' in read) return read.document;
  throw new FleetError('POLICY_INVALID', `This agent cannot read the policy: ${read.problems[0]?.message}. Update the agent.`);
}

function drifted(): FleetError {
  return new FleetError('PLAN_DRIFTED', 'The gateway was changed since this was planned. Plan it again.');
}
