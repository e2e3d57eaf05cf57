import type { PolicyMatch } from '../../../proto/model/policy/document.ts';
import { pathOfSetting } from '../../../proto/model/policy/setting-text.ts';
import { toPrintable } from '../../../proto/model/text.ts';
import type { Touch } from '../../firewall/rules/table-touches.ts';
import type { BootClock } from '../../time/boot-clock.ts';
import { afterLook, ignoring, newBook, MAX_OPEN, type DriftBook } from './drift-book.ts';
import type { DriftFile } from './drift-file.ts';
import { driftOf, isOfTable, type FoundDrift } from './found-drift.ts';
import { restoredAt, tableStep, type TableStep } from './table-step.ts';
import { TABLE_LAYOUT } from '../policy-table.ts';
import type { FoundTable } from '../read-ruleset.ts';
import type { ChangeFolder } from '../applying/change-folder.ts';
import { GRACE_MS, type ChangeRecord } from '../applying/change-record.ts';
import { isAsWritten, tableOf, type HeldValues } from '../applying/change-set.ts';
import type { PolicyKernel } from '../applying/kernel.ts';
import type { PolicyChanges } from '../applying/policy-changes.ts';

/** Who changes our table, as `TableChangers` hears it. */
export interface Changers {
  mark(): number;
  forget(upTo: number): void;
  touches(): Touch[];
}

export interface StandingHands {
  changes: Pick<PolicyChanges, 'settle'>;
  folder: ChangeFolder;
  kernel: PolicyKernel;
  clock: BootClock;
  /** Packets that this one does not touch, as they are now; undefined while the controller's address is not known. */
  spared: (record: ChangeRecord) => Promise<PolicyMatch[] | undefined>;
  book: Pick<DriftFile, 'load' | 'keep'>;
  /** Begins to listen to who changes our table. Throws where that cannot be heard. */
  hearChangers: () => Changers;
  /** True for a process that this one has started to change it. */
  isOwn: (pid: number) => boolean;
  /** Milliseconds since 1970. */
  now: () => number;
  namespace: () => string;
  warn: (message: string, fields: Record<string, unknown>) => void;
}

/** What is known of drift after a look, of one change. */
export interface StandingDrift extends Pick<DriftBook, 'changeId' | 'open' | 'past'> {
  /** Open beyond what is kept. */
  left: number;
  /** Why it cannot be told, if so. */
  unknown?: string;
}

/** A firewall that is loaded again takes our table away with its own; so often it is looked whether it is there. */
const LOOK_MS = 2000;
const MAX_SAID = 1000;

/**
 * Holds a gateway to the policy that was confirmed last: sets all of it after a start of the kernel, and our table whenever it is gone as a
 * whole. What somebody changes otherwise is left and noted, or set again and noted, as the policy's `drift` says.
 */
export class StandingPolicy {
  readonly #hands: StandingHands;
  readonly #said = new Set<string>();
  /** What stayed in our table that is not ours, when it was replaced. */
  #tolerated: string[] = [];
  #changers: Changers | undefined;
  #book: DriftBook | undefined;
  /** The same as it is on disk. */
  #kept: string | undefined;
  #left = 0;
  #unknown: string | undefined;
  #turn: Promise<void> = Promise.resolve();
  #onLook: () => void = () => undefined;

  constructor(hands: StandingHands) {
    this.#hands = hands;
  }

  /** Before anything else that an agent does: a change that nobody confirmed may be what keeps it from its controller. */
  async start(): Promise<void> {
    await this.#trying(() => {
      this.#changers = this.#hands.hearChangers();
    }, 'it cannot be heard who changes the table of the policy');
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

  /** Called after each look. */
  onLook(listener: () => void): void {
    this.#onLook = listener;
  }

  /** As it was at the last look; undefined before the first that found a confirmed policy. */
  drift(): StandingDrift | undefined {
    if (!this.#book) return undefined;
    const { changeId, open, past } = this.#book;
    return { changeId, open, past, left: this.#left, ...(this.#unknown !== undefined && { unknown: this.#unknown }) };
  }

  /** Once. What fails is said once, and tried again at the next look. */
  async look(): Promise<void> {
    await this.#inTurn(() => this.#look());
  }

  /**
   * Sets values again as the policy has them: of our table also what is in it and not ours, since it is replaced as a whole. Nothing is
   * done for another change than the one in force, nor while one is pending. Throws what cannot be set.
   */
  async restore(changeId: string, paths: readonly string[]): Promise<void> {
    await this.#inTurn(async () => {
      const { folder, kernel, clock } = this.#hands;
      const release = await folder.lock(clock);
      try {
        const record = folder.confirmed();
        if (folder.pending() || record?.id !== changeId) return;
        const settings = kernel.settings();
        for (const [name, value] of astray(record.held, settings)) if (paths.includes(pathOfSetting(name))) kernel.set(name, value);
        if (paths.some(isOfTable)) {
          const spared = (await this.#hands.spared(record)) ?? record.spared;
          await this.#replace(tableOf({ ...record.held, ...restoredAt(paths, record.held, await kernel.table()) }, spared));
        }
      } finally {
        release();
      }
      await this.#look();
    });
  }

  /** Leaves values as they are, until they change again. */
  async ignore(changeId: string, paths: readonly string[]): Promise<void> {
    await this.#inTurn(async () => {
      if (this.#book?.changeId === changeId) this.#note(ignoring(this.#book, paths));
      this.#onLook();
    });
  }

  async #look(): Promise<void> {
    const { folder, clock } = this.#hands;
    this.#unknown = await this.#trying(async () => {
      const pending = folder.pending();
      if (pending) {
        if (clock.bootMs() > pending.record.deadlineBootMs + GRACE_MS) await this.#settle('It was not confirmed in time.');
        return;
      }
      const confirmed = folder.confirmed();
      if (confirmed) await this.#hold(confirmed);
    });
    this.#onLook();
  }

  async #settle(why: string): Promise<void> {
    const outcome = await this.#hands.changes.settle(why);
    if (outcome) this.#hands.warn('a change of the policy was not confirmed, and the gateway is as it was before', { ...outcome });
  }

  async #hold(record: ChangeRecord): Promise<void> {
    const { kernel, now } = this.#hands;
    const { held } = record;
    const book = this.#bookOf(record);
    const place = this.#place();
    const isFirst = book.setIn !== place;
    const isOfOtherAgent = book.layout !== TABLE_LAYOUT;
    const isDue = ({ path }: FoundDrift): boolean => isFirst || (isOfOtherAgent && isOfTable(path)) || (book.unset ?? []).includes(path);
    const isSetAgain = isFirst || held.drift === 'restore';
    const heard = this.#changers?.mark();
    const spared = (await this.#hands.spared(record)) ?? record.spared;
    const found = await this.#found(held);
    const drift = driftOf(held, kernel.settings(), found, this.#tolerated);
    const step = tableStep(held, found, {
      drift: drift.filter(({ path }) => isOfTable(path)),
      spared,
      isSetAgain: isSetAgain || isOfOtherAgent,
    });
    const toSet = drift.filter((one) => !isOfTable(one.path) && (isSetAgain || isDue(one)));
    const process = this.#changer();
    const setAgain = await this.#setAgain(record, toSet, step);
    if (!setAgain) return;
    if (heard !== undefined) this.#changers?.forget(heard);
    const left = drift.filter((one) => !setAgain.includes(one));
    this.#left = Math.max(0, left.length - MAX_OPEN);
    // What was to be set in any case is no drift.
    const changed = setAgain.filter((one) => !isDue(one));
    const look = { left, setAgain: changed, now: now(), isOfTable, ...(process !== undefined && { process }) };
    const unset = left.filter((one) => !isOfTable(one.path) && (isDue(one) || one.actual === undefined)).map(({ path }) => path);
    const { unset: _, ...rest } = book;
    this.#note(afterLook({ ...rest, setIn: place, layout: TABLE_LAYOUT, ...(unset.length > 0 && { unset }) }, look));
    this.#say(look);
  }

  /** What could be set again; undefined if somebody else is changing the policy now. */
  async #setAgain(record: ChangeRecord, toSet: readonly FoundDrift[], step: TableStep): Promise<FoundDrift[] | undefined> {
    if (toSet.length === 0 && step.do === 'nothing') return [];
    const { folder, kernel } = this.#hands;
    const release = folder.tryLock();
    if (!release) return undefined;
    try {
      if (folder.pending() || folder.confirmed()?.id !== record.id) return undefined;
      const done: FoundDrift[] = [];
      for (const [name, value] of Object.entries(record.held.settings)) {
        const drift = toSet.find(({ path }) => path === pathOfSetting(name));
        if (drift && (await this.#trying(() => kernel.set(name, value))) === undefined) done.push(drift);
      }
      if (step.do === 'tidy') await kernel.tidyTable(step.to);
      if (step.do === 'replace' && (await this.#trying(() => this.#replace(step.to))) === undefined) done.push(...step.setAgain);
      return done;
    } finally {
      release();
    }
  }

  async #replace(table: Parameters<PolicyKernel['replaceTable']>[0]): Promise<void> {
    const { kernel } = this.#hands;
    await kernel.replaceTable(table);
    // All that was heard before the table is read again is our own, or gone with it.
    const heard = this.#changers?.mark();
    this.#tolerated = (await kernel.table())?.strange ?? [];
    if (heard !== undefined) this.#changers?.forget(heard);
  }

  /** Where there is to be no table, nft may be missing too. */
  async #found(held: HeldValues): Promise<FoundTable | undefined> {
    try {
      return await this.#hands.kernel.table();
    } catch (error) {
      if (tableOf(held, [])) throw error;
      return undefined;
    }
  }

  #bookOf({ id, bootId, namespace, layout }: ChangeRecord): DriftBook {
    this.#book ??= this.#hands.book.load();
    if (this.#book?.changeId === id) return this.#book;
    return (this.#book = {
      ...newBook(id, placeOf(bootId, namespace)),
      ...(layout !== undefined && { layout }),
      past: this.#book?.past ?? [],
    });
  }

  #note(book: DriftBook): void {
    this.#book = book;
    const text = JSON.stringify(book);
    if (text === this.#kept) return;
    this.#kept = text;
    this.#hands.book.keep(book);
  }

  /** `nft (pid 4711)`; undefined where nobody was heard. */
  #changer(): string | undefined {
    const touch = this.#changers?.touches().find(({ pid }) => !this.#hands.isOwn(pid));
    return touch && `${toPrintable(touch.name)} (pid ${touch.pid})`;
  }

  #place(): string {
    return placeOf(this.#hands.clock.bootId(), this.#hands.namespace());
  }

  #say({ left, setAgain, process }: { left: FoundDrift[]; setAgain: FoundDrift[]; process?: string }): void {
    const said = (one: FoundDrift) => ({ ...one, ...(process !== undefined && isOfTable(one.path) && { process }) });
    for (const one of setAgain) this.#sayOnce('somebody has changed what the policy has set, and it is set again', said(one));
    for (const one of left) this.#sayOnce('somebody has changed what the policy has set, and it is left as it is', said(one));
  }

  /** One look or decision after the other. */
  #inTurn(work: () => Promise<void>): Promise<void> {
    const done = this.#turn.then(work);
    this.#turn = done.catch(() => undefined);
    return done;
  }

  /** Why it failed; undefined if it did not. */
  async #trying(
    work: () => Promise<void> | void,
    message = 'the policy of this gateway could not be looked after',
  ): Promise<string | undefined> {
    try {
      await work();
      return undefined;
    } catch (error) {
      const reason = (error as Error).message;
      this.#sayOnce(message, { reason });
      return reason;
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

/** In the order in which they are kept. */
function astray({ settings }: HeldValues, found: Readonly<Record<string, number>>): [name: string, value: number][] {
  return Object.entries(settings).filter(([name, value]) => !isAsWritten(name, value, found[name]));
}

function placeOf(bootId: string, namespace: string): string {
  return `${bootId} ${namespace}`;
}
