// An upgrade under load: three replicas and the agents begin as the last release, on today's schema, and become this one, one after the
// other, and some of them back, while others are killed, stopped and drained. Started by tools/faults.ts. [--commit C] [--json] [--keep]
import { mkdtempSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { ProcessGroup } from '../../tools/process-group.ts';
import { checkInvariants } from './invariants.ts';
import { buildRelease, LAST_RELEASE } from './release.ts';
import { REPLICAS, UPGRADE } from './system/replica-outages.ts';
import { runUnderFaults, SETTLE_MS } from './system/run.ts';

const { values } = parseArgs({
  options: {
    commit: { type: 'string', default: LAST_RELEASE },
    json: { type: 'boolean', default: false },
    keep: { type: 'boolean', default: false },
  },
});
const GATEWAYS = 12;
const COMMANDS = 1500;
const SLOTS = 400;
/** Between two steps, for commands to begin and end on what is there. */
const APART_MS = 2000;

const folder = mkdtempSync(path.join(os.tmpdir(), 'ctfleet-upgrade-'));
const family = new ProcessGroup();
try {
  const lastRelease = path.join(folder, 'last-release');
  const unknown = buildRelease(values.commit, lastRelease);
  say({ commit: values.commit, unknown }, `${values.commit} does not know ${unknown.length} of the migrations`);
  const report = await runUnderFaults(
    {
      home: { family, stateDir: path.join(folder, 'run') },
      controllers: REPLICAS,
      gateways: GATEWAYS,
      commands: COMMANDS,
      slots: SLOTS,
      atOnce: 4,
      faults: UPGRADE.map((kind) => ({ kind, afterMs: APART_MS })),
      lastRelease,
    },
    (fault) => say(fault, `${fault.fault}: ${fault.inFlight} commands in progress, a command ended ${fault.recoveredMs} ms after it began`),
  );
  const violations = checkInvariants(report.history);
  for (const violation of violations) say(violation, `BROKEN ${violation.invariant}: ${violation.subject}: ${violation.what}`);
  const { faults, settledMs, isOver, seconds, history } = report;
  console.log(
    JSON.stringify({
      summary: true,
      steps: faults.length,
      commands: history.commands.length,
      violations: violations.length,
      settledMs,
      isOver,
      seconds: Math.round(seconds),
    }),
  );
  process.exitCode = violations.length === 0 && isOver && settledMs <= SETTLE_MS ? 0 : 1;
} finally {
  await family.end();
  if (!values.keep) rmSync(folder, { recursive: true, force: true });
}
process.exit();

function say(line: object, text: string): void {
  console.log(values.json ? JSON.stringify(line) : text);
}
