import path from 'node:path';
import { FleetError } from '../../../proto/model/error-codes.ts';
import type { Disk } from '../../disk/disk.ts';
import { tryLock } from '../../disk/file-lock.ts';
import type { BootClock } from '../../time/boot-clock.ts';
import {
  formatRecord,
  parseRecord,
  type ChangeOutcome,
  type ChangeRecord,
  type PendingChange,
  type PendingPhase,
} from './change-record.ts';

/** In this order: a change that goes on to the next phase while somebody looks is then found in one of them. */
const PENDING: readonly PendingPhase[] = ['changing', 'unconfirmed'];
/** How long somebody waits for whoever is changing the policy. */
const PATIENCE_MS = 10_000;
const LOOK_MS = 20;

/** Where the files of changes are, of a state folder. Its names are also in `wait-script.ts`. */
export function changesIn(stateDir: string): string {
  return path.join(stateDir, 'policies');
}

/** The files of changes in the state folder: at most one that is pending, the one that was confirmed last, and how the last one ended. */
export class ChangeFolder {
  readonly #directory: string;
  readonly #disk: Disk;

  constructor(stateDir: string, disk: Disk) {
    this.#directory = changesIn(stateDir);
    this.#disk = disk;
  }

  /** Whoever changes anything holds it. Undefined while somebody else does. */
  tryLock(): (() => void) | undefined {
    return tryLock(this.#file('lock'), this.#disk.files);
  }

  /** Waits for the lock. Throws UNAVAILABLE if it is not to be had. */
  async lock(clock: Pick<BootClock, 'bootMs' | 'delay'>): Promise<() => void> {
    const untilMs = clock.bootMs() + PATIENCE_MS;
    for (;;) {
      const release = this.tryLock();
      if (release) return release;
      if (clock.bootMs() >= untilMs)
        throw new FleetError('UNAVAILABLE', 'Another process is changing the policy of this gateway. Try again in a moment.');
      await clock.delay(LOOK_MS);
    }
  }

  /** Throws INTERNAL for one that cannot be read: nothing must be begun over it, since it is the way back. */
  pending(): PendingChange | undefined {
    for (const phase of PENDING) {
      const record = this.#read<ChangeRecord>(phase);
      if (record) return { phase, record };
    }
    return undefined;
  }

  /** Where a change is now; undefined once it is over. What cannot be read is taken for what it was. */
  phaseOf(id: string): PendingPhase | undefined {
    return PENDING.find((phase) => {
      try {
        return this.#read<ChangeRecord>(phase)?.id === id;
      } catch {
        return true;
      }
    });
  }

  /** The change that holds for good. Throws INTERNAL if it cannot be read. */
  confirmed(): ChangeRecord | undefined {
    return this.#read<ChangeRecord>('confirmed');
  }

  lastOutcome(): ChangeOutcome | undefined {
    return this.#read<ChangeOutcome>('outcome');
  }

  /** On disk when it returns. Throws what the file system throws; nothing may be changed then. */
  begin(record: ChangeRecord): void {
    this.#disk.write(this.#file('changing'), formatRecord(record));
  }

  /** Throws likewise; then the change is still in `changing`. */
  verified(record: ChangeRecord & { verifiedAtBootMs: number }): void {
    this.#disk.write(this.#file('changing'), formatRecord(record));
    if (!this.#disk.move(this.#file('changing'), this.#file('unconfirmed'))) throw new Error('the record of the change is gone');
  }

  /** False if it is over already. Throws likewise; then it is not confirmed. */
  confirm(): boolean {
    return this.#disk.move(this.#file('unconfirmed'), this.#file('confirmed'));
  }

  /** Forgets a pending change that was put back. Throws what the file system throws. */
  end(phase: PendingPhase): void {
    this.#disk.files.rmSync(this.#file(phase), { force: true });
  }

  /** Best effort: nothing depends on it. */
  tell(outcome: ChangeOutcome): void {
    try {
      this.#disk.write(this.#file('outcome'), formatRecord(outcome));
    } catch (error) {
      this.#disk.tell('how a change of the policy ended could not be kept', this.#file('outcome'), error);
    }
  }

  #read<T extends ChangeRecord | ChangeOutcome>(name: string): T | undefined {
    const file = this.#file(name);
    try {
      return parseRecord<T>(this.#disk.files.readFileSync(file));
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
      throw damaged(file, error);
    }
  }

  #file(name: string): string {
    return path.join(this.#directory, name === 'lock' ? name : `${name}.json`);
  }
}

function damaged(file: string, cause: unknown): FleetError {
  return new FleetError(
    'INTERNAL',
    `${file} cannot be read: ${(cause as Error).message}. It says how this gateway is put back; see to it that settings and table ` +
      'are right, and remove it.',
    {},
    { cause },
  );
}
