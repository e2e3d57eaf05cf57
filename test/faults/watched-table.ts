import { MemoryTable } from '../../agent/conntrack/memory/memory-table.ts';
import type {
  DeleteOutcome,
  ExpireOutcome,
  FlowContext,
  FlowIdentity,
  RestoreOutcome,
  TableCounters,
} from '../../agent/conntrack/table.ts';
import type { Flow, FlowKey } from '../../proto/model/flow.ts';
import { nameOf, type FlowName } from './history.ts';

export type TableDeed = 'delete' | 'expire' | 'restore' | 'sampled';

const NO_CONTEXT: FlowContext = { wans: [], protections: [] };

/** An in-memory table that reports what happened to it: not what was asked, but which entries existed and changed. */
export class WatchedTable extends MemoryTable {
  /** Called in the same turn in which the table has changed. */
  onDeed: (kind: TableDeed, flows: FlowName[]) => void = () => undefined;
  /** Called before a change; until it resolves, the change does not happen. */
  before: (kind: TableDeed) => Promise<void> = () => Promise.resolve();
  after: (kind: TableDeed) => Promise<void> = () => Promise.resolve();

  override async delete(keys: FlowIdentity[]): Promise<DeleteOutcome[]> {
    return this.#watch('delete', keys, () => super.delete(keys), 'deleted');
  }

  override async expire(keys: FlowKey[], seconds: number): Promise<ExpireOutcome[]> {
    return this.#watch('expire', keys, () => super.expire(keys, seconds), 'expiring');
  }

  override async restore(flows: Flow[]): Promise<RestoreOutcome[]> {
    await this.before('restore');
    const outcomes = await super.restore(flows);
    this.onDeed(
      'restore',
      flows.flatMap((flow, index) => (outcomes[index] === 'restored' ? [nameOf(flow)] : [])),
    );
    await this.after('restore');
    return outcomes;
  }

  override async counters(): Promise<TableCounters> {
    const counters = await super.counters();
    this.onDeed('sampled', []);
    return counters;
  }

  /** Ends flows as finished traffic does: nobody's deed. */
  async endQuietly(flows: FlowIdentity[]): Promise<void> {
    await super.delete(flows);
  }

  async #watch<Outcome extends string>(
    kind: TableDeed,
    keys: FlowKey[],
    change: () => Promise<Outcome[]>,
    isDone: Outcome,
  ): Promise<Outcome[]> {
    await this.before(kind);
    const there = await super.lookup(keys, NO_CONTEXT);
    const outcomes = await change();
    this.onDeed(
      kind,
      outcomes.flatMap((outcome, index) => (outcome === isDone ? [nameOf(there[index] ?? keys[index]!)] : [])),
    );
    await this.after(kind);
    return outcomes;
  }
}
