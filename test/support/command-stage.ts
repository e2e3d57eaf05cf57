import { pino } from 'pino';
import { MemoryTable } from '../../agent/conntrack/memory/memory-table.ts';
import type { FlowContext } from '../../agent/conntrack/table.ts';
import { Commands } from '../../agent/operations/commands.ts';
import { Journal } from '../../agent/operations/journal.ts';
import { Lately } from '../../agent/operations/lately.ts';
import { LocalGuard, NO_RULES } from '../../agent/operations/local-guard.ts';
import { PlanStore } from '../../agent/operations/plan-store.ts';
import { UndoStore } from '../../agent/operations/undo-store.ts';
import { Method, type Command, type Result } from '../../proto/gen/ctfleet/v1/operation.ts';
import { entryOf } from './sample-entries.ts';
import { filterOf } from './filter-of.ts';

const PLAN = '01900000-0000-7000-8000-000000000001';
const CONTEXT: FlowContext = { wans: [], protections: [] };

/** One gateway's commands on an in-memory table of twenty registrations and five DNS queries, with the results that it gave. */
export class CommandStage {
  readonly table = new MemoryTable({ now: () => this.nowMs });
  readonly filled = 25;
  readonly results: Result[] = [];
  readonly commands: Commands;
  nowMs = 1_000_000;
  readonly #plans: PlanStore;

  constructor(folder: string) {
    for (let n = 1; n <= 20; n++)
      this.table.insert(entryOf({ proto: 17, orig: { src: `10.1.0.${n}`, dst: '198.51.100.10', sport: 5060, dport: 5060 } }));
    for (let n = 1; n <= 5; n++)
      this.table.insert(entryOf({ proto: 17, orig: { src: `10.1.0.${n}`, dst: '198.51.100.53', sport: 2000, dport: 53 } }));
    this.#plans = new PlanStore(folder);
    this.commands = new Commands({
      table: this.table,
      journal: new Journal(folder),
      plans: this.#plans,
      undos: new UndoStore(folder, this.#plans),
      guard: new LocalGuard(() => NO_RULES, new Lately(() => this.nowMs)),
      context: () => CONTEXT,
      log: pino({ level: 'silent' }),
      controllerClock: { latest: () => this.nowMs },
      clock: { now: () => this.nowMs, delay: async (ms) => void (this.nowMs += ms) },
      report: { progress: () => undefined, result: (result) => this.results.push(result) },
    });
  }

  /** Freezes what a filter finds; returns the plan's digest. */
  async freeze(text: string): Promise<Buffer> {
    const writer = this.#plans.begin(PLAN, this.nowMs + 300_000);
    for await (const batch of this.table.collect({ filter: filterOf(text), context: CONTEXT })) batch.forEach((flow) => writer.add(flow));
    return writer.finish();
  }

  command(
    digest: Buffer,
    { id, seq, method = Method.METHOD_DELETE, planId = PLAN }: { id: string; seq: bigint; method?: Method; planId?: string },
  ): Command {
    return { id, seq, epoch: 1n, notAfterMs: 2_000_000n, work: { $case: 'runPlan', value: { planId, digest, method, verifyAfterMs: 0 } } };
  }
}
