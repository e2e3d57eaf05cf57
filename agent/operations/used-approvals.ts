import path from 'node:path';
import { z } from 'zod';
import { FleetError } from '../../proto/model/error-codes.ts';
import { Disk } from '../disk/disk.ts';
import type { SignedPlan } from './signed-plan.ts';

/**
 * How far from this gateway's own time the end of a signed plan may lie. Plans wait a quarter of an hour at most, and run in waves after
 * that; a gateway's clock may be minutes off. The controller's time is not asked: whoever holds the controller could set it.
 */
const WITHIN_MS = 60 * 60_000;
/** Signatures remembered. */
const REMEMBERED = 1000;

const schema = z.object({
  /** Nothing that ends at or before this is accepted: some of it was forgotten. */
  floorMs: z.number(),
  used: z.array(z.object({ planId: z.string(), endsMs: z.number() })).max(REMEMBERED + 1),
});
type State = z.output<typeof schema>;

/** Signed plans that were run here: each runs once, also after a restart, and whatever the clock says. */
export class UsedApprovals {
  readonly #now: () => number;
  readonly #file: string | undefined;
  readonly #disk: Disk;
  #state: State | undefined;

  /**
   * @param now milliseconds since 1970, by this gateway's own clock
   * @param directory absent: kept in memory only
   */
  constructor(now: () => number, directory?: string, disk = new Disk()) {
    this.#now = now;
    this.#disk = disk;
    this.#file = directory && path.join(directory, 'approvals.json');
  }

  /**
   * Takes a signed plan as used; on disk when it returns. Throws GUARD_REFUSED for one that was used before, ended too long ago or ends
   * too late, and for all where it cannot be known; and what the file system throws.
   */
  take({ planId, expiresAtMs: endsMs }: Pick<SignedPlan, 'planId' | 'expiresAtMs'>): void {
    const state = (this.#state ??= this.#load());
    if (!(Math.abs(endsMs - this.#now()) <= WITHIN_MS))
      throw refused('by this gateway’s clock the signed plan is not of this hour. Plan again, or check the clock.');
    if (endsMs <= state.floorMs || state.used.some((one) => one.planId === planId))
      throw refused('the signed plan was run here before. Each signature counts once: plan again.');
    const used = [...state.used, { planId, endsMs }].toSorted((a, b) => b.endsMs - a.endsMs);
    const forgotten = used.slice(REMEMBERED);
    const next = { floorMs: Math.max(state.floorMs, ...forgotten.map((one) => one.endsMs)), used: used.slice(0, REMEMBERED) };
    if (this.#file !== undefined) this.#disk.write(this.#file, JSON.stringify(next));
    this.#state = next;
  }

  /** A damaged file is not passed over: what it says was used could be used again. */
  #load(): State {
    if (this.#file === undefined) return { floorMs: 0, used: [] };
    try {
      const stat = this.#disk.files.statSync(this.#file, { throwIfNoEntry: false });
      return stat ? schema.parse(JSON.parse(this.#disk.files.readFileSync(this.#file).toString('utf8'))) : { floorMs: 0, used: [] };
    } catch (error) {
      throw refused(`${this.#file} cannot be read, so nobody knows which signatures were used: ${(error as Error).message}`);
    }
  }
}

function refused(why: string): FleetError {
  return new FleetError('GUARD_REFUSED', `The guard of this gateway refuses it. approvals: ${why}`);
}
