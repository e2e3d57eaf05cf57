import type { PolicyMatch } from '../../../proto/model/policy/document.ts';
import type { BootClock } from '../../time/boot-clock.ts';
import type { ChangeFolder } from './change-folder.ts';
import { GRACE_MS, type ChangeRecord } from './change-record.ts';
import { isAsWritten, tableOf } from './change-set.ts';
import type { PolicyKernel } from './kernel.ts';
import type { PolicyChanges } from './policy-changes.ts';
import { holdsTable, isSameTable } from './table-match.ts';

export interface StandingHands {
  changes: Pick<PolicyChanges, 'settle'>;
  folder: ChangeFolder;
  kernel: PolicyKernel;
  clock: BootClock;
  /** Packets that this one does not touch, as they are now; undefined while the controller's address is not known. */
  spared: (record: ChangeRecord) => Promise<PolicyMatch[] | undefined>;
  warn: (message: string, fields: Record<string, unknown>) => void;
}

/** A firewall that is loaded again takes our table away with its own; so often it is looked whether it is there. */
const LOOK_MS = 2000;
const MAX_SAID = 1000;

/** Holds a gateway to the policy that was confirmed last: from the start of the agent on, and whatever else is done to it meanwhile. */
export class StandingPolicy {
  readonly #hands: StandingHands;
  readonly #said = new Set<string>();
  /** What stayed in our table that is not ours, when it was replaced. */
  #tolerated = '';

  constructor(hands: StandingHands) {
    this.#hands = hands;
  }

  /** Before anything else that an agent does: a change that nobody confirmed may be what keeps it from its controller. */
  async start(): Promise<void> {
    await this.#trying(() => this.#settle('The agent has started before it was confirmed.'));
    await this.look();
  }

  /** Until the signal aborts. */
  async run(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      await this.#hands.clock.delay(LOOK_MS, signal);
      if (!signal.aborted) await this.look();
    }
  }

  /** Once. What fails is said once, and tried again at the next look. */
  async look(): Promise<void> {
    await this.#trying(async () => {
      const { folder, clock } = this.#hands;
      const pending = folder.pending();
      if (pending) {
        if (clock.bootMs() > pending.record.deadlineBootMs + GRACE_MS) await this.#settle('It was not confirmed in time.');
        return;
      }
      const confirmed = folder.confirmed();
      if (confirmed) await this.#hold(confirmed);
    });
  }

  async #settle(why: string): Promise<void> {
    const outcome = await this.#hands.changes.settle(why);
    if (outcome) this.#hands.warn('a change of the policy was not confirmed, and the gateway is as it was before', { ...outcome });
  }

  async #hold(record: ChangeRecord): Promise<void> {
    const { folder, kernel } = this.#hands;
    const table = tableOf(record.held, (await this.#hands.spared(record)) ?? record.spared);
    const settings = kernel.settings();
    const astray = Object.entries(record.held.settings).filter(([name, value]) => !isAsWritten(name, value, settings[name]));
    const found = await kernel.table();
    const strange = found?.strange.join('\n') ?? '';
    const isTableRight = isSameTable(found?.table, table) && strange === this.#tolerated;
    if (astray.length === 0 && isTableRight) return;
    const release = folder.tryLock();
    if (!release) return;
    try {
      if (folder.pending() || folder.confirmed()?.id !== record.id) return;
      for (const [name, value] of astray)
        await this.#trying(() => {
          this.#sayOnce('a setting was not as the policy has it, and is set again', { setting: name, was: settings[name], is: value });
          kernel.set(name, value);
        });
      if (isTableRight) return;
      if (table && holdsTable(found?.table, table) && strange === this.#tolerated) return await kernel.tidyTable(table);
      this.#sayOnce('the table of the policy was not as it should be, and is put back', { policy: record.policy });
      await kernel.replaceTable(table);
      this.#tolerated = (await kernel.table())?.strange.join('\n') ?? '';
    } finally {
      release();
    }
  }

  async #trying(work: () => Promise<void> | void): Promise<void> {
    try {
      await work();
    } catch (error) {
      this.#sayOnce('the policy of this gateway could not be looked after', { reason: (error as Error).message });
    }
  }

  #sayOnce(message: string, fields: Record<string, unknown>): void {
    const key = JSON.stringify([message, fields]);
    if (this.#said.has(key)) return;
    if (this.#said.size > MAX_SAID) this.#said.clear();
    this.#said.add(key);
    this.#hands.warn(message, fields);
  }
}
