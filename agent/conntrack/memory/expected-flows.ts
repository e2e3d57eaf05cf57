import type { FlowKey } from '../../../proto/model/flow.ts';
import type { DeleteOutcome, Expectation, NewExpectation } from '../table.ts';
import { placeOf } from './place.ts';

interface Expected {
  expectation: Expectation;
  masterId: number;
  expiresAtMs: number;
}

/** What helpers expect in a table that is not the kernel's: an expectation ends with its time, and with its master. */
export class ExpectedFlows {
  readonly #now: () => number;
  readonly #idAt: (key: Omit<FlowKey, 'id'>) => number | undefined;
  #expected: Expected[] = [];

  /** @param idAt the id of the entry that now has this tuple and zone, if there is one */
  constructor(now: () => number, idAt: (key: Omit<FlowKey, 'id'>) => number | undefined) {
    [this.#now, this.#idAt] = [now, idAt];
  }

  /** Undefined if its master is missing; then `nextId` is not asked. */
  add(expectation: NewExpectation, nextId: () => number): FlowKey | undefined {
    const masterId = this.#idAt(expectation.master);
    if (masterId === undefined) return undefined;
    const held = {
      expectation: { ...expectation, id: nextId() },
      masterId,
      expiresAtMs: this.#now() + (expectation.timeoutSeconds ?? Infinity) * 1000,
    };
    this.#expected.push(held);
    return held.expectation;
  }

  /** As they are now; with a master, only those of that flow. */
  list(master?: FlowKey): Expectation[] {
    return this.#waiting()
      .filter(({ expectation, masterId }) => !master || (placeOf(expectation.master) === placeOf(master) && masterId === master.id))
      .map(({ expectation, expiresAtMs }) => ({
        ...expectation,
        ...(expectation.timeoutSeconds !== undefined && { timeoutSeconds: Math.floor((expiresAtMs - this.#now()) / 1000) }),
      }));
  }

  /** Outcomes in the order given. */
  delete(keys: readonly FlowKey[]): DeleteOutcome[] {
    return keys.map((key) => {
      const found = this.#waiting().find(({ expectation }) => expectation.id === key.id && placeOf(expectation) === placeOf(key));
      this.#expected = this.#waiting().filter((one) => one !== found);
      return found ? 'deleted' : 'gone';
    });
  }

  /** Those that have not expired and whose master still exists. */
  #waiting(): Expected[] {
    const nowMs = this.#now();
    return (this.#expected = this.#expected.filter(
      ({ expectation, masterId, expiresAtMs }) => expiresAtMs > nowMs && this.#idAt(expectation.master) === masterId,
    ));
  }
}
