import type { Logger } from 'pino';
import { Method } from '../../proto/gen/ctfleet/v1/operation.ts';
import type { FlowFilter } from '../../proto/model/filter/filter.ts';
import type { Flow } from '../../proto/model/flow.ts';
import type { ConntrackTable, FlowContext } from '../conntrack/table.ts';
import type { Journal } from './journal.ts';
import type { Guard } from './local-guard.ts';
import { mostToSpare, maySpare, SPARABLE, type TableReading } from './table-pressure.ts';

/** One walk of the table serves all searches of an emergency. */
const MAX_AGE_MS = 2_000;

export interface EmergencyDependencies {
  table: ConntrackTable;
  journal: Journal;
  guard: Guard;
  context: () => FlowContext;
  log: Logger;
}

/**
 * What a gateway does by itself about a full table, if its owner has allowed it: deletes a bounded number of finished or unanswered flows,
 * so that new ones get in, including the agent's own. Never a flush, and never a live connection.
 */
export class Emergency {
  readonly #deps: EmergencyDependencies;
  #before: TableReading | undefined;

  constructor(deps: EmergencyDependencies) {
    this.#deps = deps;
  }

  /**
   * Takes the newest reading and acts if it must; returns how many flows it deleted. Throws GUARD_REFUSED if the guard forbids it, and what
   * the journal throws: what cannot be journalled is not done.
   */
  async consider(reading: TableReading): Promise<number> {
    const { table, journal, guard, log } = this.#deps;
    const most = mostToSpare(this.#before, reading, journal.state.lastEmergencyAtMs);
    this.#before = reading;
    if (most === 0) return 0;
    const flows = await this.#choose(most);
    guard.allow({ by: 'emergency', method: Method.METHOD_DELETE, flows: flows.length, stale: 0, tableCount: reading.count });
    journal.append({ kind: 'emergency', ...reading, most });
    const outcomes = await table.delete(flows);
    const deleted = outcomes.filter((outcome) => outcome === 'deleted').length;
    log.warn({ ...reading, most, chosen: flows.length, deleted }, 'the table is full: finished or unanswered flows were deleted');
    return deleted;
  }

  async #choose(most: number): Promise<Flow[]> {
    const context = this.#deps.context();
    const unprotected: FlowFilter = {
      kind: 'not',
      operand: { kind: 'or', operands: context.protections.map((protection) => protection.filter) },
    };
    const chosen: Flow[] = [];
    for (const [index, filter] of SPARABLE.entries()) {
      const { rows } = await this.#deps.table.search({
        filter: { kind: 'and', operands: [filter, unprotected] },
        context,
        sort: { field: 'idle', descending: true },
        limit: most - chosen.length,
        maxAgeMs: index === 0 ? 0 : MAX_AGE_MS,
      });
      chosen.push(...rows.filter(maySpare));
      if (chosen.length >= most) break;
    }
    return chosen;
  }
}
