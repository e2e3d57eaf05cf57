import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { systemClock } from '../../agent/time/clock.ts';
import type { FlowContext } from '../../agent/conntrack/table.ts';
import { Disk } from '../../agent/disk/disk.ts';
import { Blocks } from '../../agent/firewall/tables/blocks.ts';
import { endBy } from '../../agent/operations/end-flows.ts';
import { listOf } from '../../agent/operations/flow-list.ts';
import { runPlan } from '../../agent/operations/run-plan.ts';
import { Method, type Outcome } from '../../proto/gen/ctfleet/v1/operation.ts';
import { refusedBy } from '../../proto/model/block/of-filter.ts';
import type { Flow } from '../../proto/model/flow.ts';
import type { ConntrackTable } from '../../agent/conntrack/table.ts';
import { filterOf } from './filter-of.ts';

/** Blocks on the calling thread's gateway, as a plan's command makes them; with a state folder of its own. */
export class Blocking {
  blocks: Blocks;
  protections: FlowContext['protections'] = [];
  readonly #stateDir = mkdtempSync(path.join(tmpdir(), 'ctfleet-block-'));
  readonly #table: ConntrackTable;
  #count = 0;

  constructor(table: ConntrackTable) {
    this.#table = table;
    this.blocks = this.#agent();
  }

  /** Refuses the packets of a filter, and ends these flows; returns their outcomes. */
  async block(filter: string, flows: Flow[], seconds = 60, isStopped = () => false): Promise<{ id: string; outcomes: Outcome[] }> {
    const id = `block-${++this.#count}`;
    const block = { blocks: this.blocks, id, planId: '', refused: refusedBy(filterOf(filter), seconds) };
    const context = (): FlowContext => ({ wans: [], protections: this.protections });
    const end = await endBy(Method.METHOD_BLOCK, seconds, { table: this.#table, block, clock: systemClock, context, isStopped });
    await this.blocks.begin(block);
    const outcomes = await runPlan(this.#table, systemClock, {
      flows: listOf(flows),
      end,
      inBatches: true,
      context,
      isStopped,
      verifyAfterMs: 0,
      isRepeated: false,
      onProgress: () => undefined,
    });
    return { id, outcomes };
  }

  /** Packets that a block has refused. */
  async refused(id: string): Promise<number> {
    return Number((await this.blocks.standing()).find((one) => one.id === id)?.packets ?? -1n);
  }

  /** The agent is gone; its blocks live on in the kernel. */
  async die(): Promise<void> {
    await this.blocks.close();
    this.blocks = this.#agent();
  }

  async end(): Promise<void> {
    await this.blocks.lift((await this.blocks.standing()).map(({ id }) => id));
    await this.blocks.close();
    rmSync(this.#stateDir, { recursive: true });
  }

  #agent(): Blocks {
    return new Blocks({ clock: systemClock, stateDir: this.#stateDir, disk: new Disk(), protections: () => this.protections });
  }
}
