// The fault harness: see docs/faults.md. Started by tools/faults.ts. [--short] [--replicas] [--seed N] [--json] [--keep]
import { mkdtempSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { ProcessGroup } from '../../tools/process-group.ts';
import { STATE } from '../../tools/set-up.ts';
import { checkInvariants, type Violation } from './invariants.ts';
import { AGENT_BUGS } from './seeded-bugs/agent-bugs.ts';
import { catchInAgent, catchInSystem, playSound, type Catch } from './seeded-bugs/catch.ts';
import { CONTROLLER_BUGS, QUICK_BUGS } from './seeded-bugs/controller-bugs.ts';
import type { Driver } from './system/driver.ts';
import type { Fleet } from './system/fleet.ts';
import { KINDS, schedule, SHORT_KINDS } from './system/outages.ts';
import { REPLICAS, REPLICA_KINDS, SHORT_REPLICA_KINDS } from './system/replica-outages.ts';
import { runUnderFaults, SETTLE_MS, type FaultReport, type RunReport } from './system/run.ts';
import { SYSTEM_SCENARIOS } from './system/scenarios.ts';
import { SystemStage } from './system/stage.ts';

const { values } = parseArgs({
  options: {
    short: { type: 'boolean', default: false },
    replicas: { type: 'boolean', default: false },
    json: { type: 'boolean', default: false },
    seed: { type: 'string', default: '1' },
    keep: { type: 'boolean', default: false },
  },
});
const seed = Number(values.seed);
/** Replicas play for themselves; bugs are planted in the other runs. */
const NO_BUGS: { catches: Catch[]; unsound: number } = { catches: [], unsound: 0 };
const size = values.replicas
  ? {
      gateways: values.short ? 6 : 12,
      commands: values.short ? 60 : 1500,
      slots: values.short ? 60 : 400,
      atOnce: 3,
      faults: values.short ? schedule(seed, 4, SHORT_REPLICA_KINDS) : schedule(seed, 48, Object.keys(REPLICA_KINDS)),
      controllers: REPLICAS,
    }
  : values.short
    ? {
        gateways: 6,
        commands: 220,
        slots: 150,
        atOnce: 3,
        faults: schedule(seed, 14, SHORT_KINDS),
        controllers: ['front-1', 'worker-1', 'worker-2'] as const,
      }
    : // A few of those asked for are never made: their wave is held back, or they are cancelled first.
      {
        gateways: 25,
        commands: 5200,
        slots: 620,
        atOnce: 4,
        faults: schedule(seed, 100, Object.keys(KINDS)),
        controllers: ['front-1', 'front-2', 'worker-1', 'worker-2'] as const,
      };

// The same programs start a hundred times.
process.env.NODE_COMPILE_CACHE ??= path.join(STATE, 'compile-cache');
/** Longer than a short run takes on a busy machine, and less than its test waits: what it hangs on has to be told. */
const SHORT_PATIENCE_MS = 330_000;
let run: { fleet: Fleet; driver: Driver } | undefined;
if (values.short) setTimeout(giveUp, SHORT_PATIENCE_MS).unref();
const stateDir = mkdtempSync(path.join(os.tmpdir(), 'ctfleet-faults-'));
const family = new ProcessGroup();
try {
  const [report, ofAgent] = await Promise.all([
    runUnderFaults(
      { ...size, home: { family, stateDir: path.join(stateDir, 'run') }, onStart: (fleet, driver) => void (run = { fleet, driver }) },
      sayFault,
    ),
    values.replicas ? NO_BUGS : catchAgentBugs(),
  ]);
  const violations = checkInvariants(report.history);
  violations.forEach(sayViolation);
  const ofController = values.replicas ? NO_BUGS : await catchControllerBugs();
  const unsound = ofAgent.unsound + ofController.unsound;
  const summary = summarise(report, violations, [...ofAgent.catches, ...ofController.catches], unsound);
  console.log(JSON.stringify(summary));
  process.exitCode =
    violations.length + unsound > 0 || !report.isOver || report.settledMs > SETTLE_MS || summary.caught < summary.seededBugs ? 1 : 0;
} finally {
  await family.end();
  if (!values.keep) rmSync(stateDir, { recursive: true, force: true });
}
process.exit();

/** With no bug planted, scenarios must break nothing: otherwise the product or the checker is wrong, and a catch proves nothing. */
async function catchAgentBugs(): Promise<{ catches: Catch[]; unsound: number }> {
  const unsound = await playSound();
  unsound.forEach(sayViolation);
  const catches: Catch[] = [];
  for (const bug of AGENT_BUGS) catches.push(sayCatch(await catchInAgent(bug)));
  return { catches, unsound: unsound.length };
}

/** The short run plays a few bugs, and takes the scenarios' soundness on trust. */
async function catchControllerBugs(): Promise<{ catches: Catch[]; unsound: number }> {
  const stage = await SystemStage.set({ family, stateDir: path.join(stateDir, 'stage') });
  const unsound: Violation[] = [];
  if (!values.short) for (const scenario of Object.keys(SYSTEM_SCENARIOS)) unsound.push(...(await stage.play(scenario)));
  unsound.forEach(sayViolation);
  const catches: Catch[] = [];
  for (const bug of CONTROLLER_BUGS) if (!values.short || QUICK_BUGS.has(bug.name)) catches.push(sayCatch(await catchInSystem(stage, bug)));
  stage.close();
  return { catches, unsound: unsound.length };
}

/** Says how far it came, and what its programs said last. */
function giveUp(): void {
  const state = { gaveUp: true, programs: run?.fleet.parts.states(), waits: [...(run?.driver.waits ?? [])] };
  console.error(run?.fleet.parts.lastWords());
  say(state, JSON.stringify(state));
  void family.end().finally(() => process.exit(1));
}

function summarise({ history, faults, settledMs, seconds }: RunReport, violations: Violation[], catches: Catch[], unsound: number) {
  const tally = (kind: Violation['tally']): number =>
    new Set(violations.filter((violation) => violation.tally === kind).map(({ subject }) => subject)).size;
  return {
    summary: true,
    faults: faults.length,
    commands: history.commands.length,
    lost: tally('lost'),
    doubled: tally('doubled'),
    disordered: tally('disordered'),
    unfinished: tally('unfinished'),
    late: tally('late'),
    seededBugs: catches.length,
    caught: catches.filter(({ isCaught }) => isCaught).length,
    violations: violations.length,
    unsound,
    seed,
    seconds: Math.round(seconds),
    settledMs,
    worstRecoveryMs: Math.max(0, ...faults.map(({ recoveredMs = 0 }) => recoveredMs)),
  };
}

function sayFault(report: FaultReport): void {
  const { fault, inFlight, lastedMs, recoveredMs } = report;
  say(
    report,
    `${fault}: ${inFlight} commands in progress, lasted ${lastedMs} ms${recoveredMs === undefined ? '' : `, a command ended ${recoveredMs} ms after it struck`}`,
  );
}

function sayViolation(violation: Violation): void {
  say(violation, `BROKEN ${violation.invariant}: ${violation.subject}: ${violation.what}`);
}

function sayCatch(found: Catch): Catch {
  const { bug, breaks, isCaught, violations, error } = found;
  say(
    { ...found, violations: violations.length },
    `${isCaught ? 'caught' : 'NOT CAUGHT'}: ${bug} (${breaks})${error === undefined ? '' : `: ${error}`}`,
  );
  return found;
}

function say(line: object, text: string): void {
  console.log(values.json ? JSON.stringify(line) : text);
}
