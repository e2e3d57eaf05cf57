// One life of an agent's operations on the table of its network namespace: node flush-program.ts FOLDER run|recover|undo. A run ends
// everything there, and the process kills itself -9 halfway. Prints each result as a line of JSON.
import { pino } from 'pino';
import { systemClock } from '../../agent/time/clock.ts';
import { KernelTable } from '../../agent/conntrack/kernel/kernel-table.ts';
import type { FlowContext } from '../../agent/conntrack/table.ts';
import { Commands } from '../../agent/operations/commands.ts';
import { Journal } from '../../agent/operations/journal.ts';
import { Lately } from '../../agent/operations/lately.ts';
import { LocalGuard, NO_RULES } from '../../agent/operations/local-guard.ts';
import { PlanStore } from '../../agent/operations/plan-store.ts';
import { UndoStore } from '../../agent/operations/undo-store.ts';
import { Method } from '../../proto/gen/ctfleet/v1/operation.ts';

const PLAN = '01900000-0000-7000-8000-000000000001';
/** Flows that a run ends before it is killed. */
const KILLED_AFTER = 13_000;
const [, , folder = '', deed = ''] = process.argv;

const table = new KernelTable();
const context: FlowContext = { wans: [], protections: [] };
const plans = new PlanStore(folder);
const commands = new Commands({
  table,
  plans,
  journal: new Journal(folder),
  undos: new UndoStore(folder, plans),
  guard: new LocalGuard(() => ({ ...NO_RULES, mostPercentOfTable: 100 }), new Lately(Date.now)),
  clock: systemClock,
  context: () => context,
  controllerClock: { latest: Date.now },
  log: pino({ level: 'silent' }),
  report: {
    progress: ({ done }) => {
      if (deed === 'run' && done === KILLED_AFTER) process.kill(process.pid, 'SIGKILL');
    },
    result: ({ commandId, state, runs }) => console.log(JSON.stringify({ commandId, state, runs })),
  },
});
const times = { epoch: 1n, notAfterMs: BigInt(Date.now() + 60_000) };
if (deed === 'run') {
  const writer = plans.begin(PLAN, Date.now() + 60_000);
  for await (const batch of table.collect({ filter: { kind: 'everything' }, context })) batch.forEach((flow) => writer.add(flow));
  const value = { planId: PLAN, digest: writer.finish(), method: Method.METHOD_DELETE, verifyAfterMs: 0, undoForSeconds: 300 };
  commands.accept({ ...times, id: 'c1', seq: 1n, work: { $case: 'runPlan', value } });
} else if (deed === 'recover') {
  commands.recover();
} else {
  commands.accept({ ...times, id: 'u1', seq: 2n, work: { $case: 'undoPlan', value: { planId: PLAN, commandId: 'c1' } } });
}
await commands.idle();
await table.close();
