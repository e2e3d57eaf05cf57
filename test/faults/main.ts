// The fault harness: see docs/faults.md. node FLAGS test/faults/main.ts [--short] [--seed N] [--json]; tools/faults.ts gives the flags.
import { mkdtempSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { Family } from '../../tools/family.ts';
import { checkInvariants, type Violation } from './invariants.ts';
import { BUGS } from './seeded-bugs/bugs.ts';
import { tryToCatch, type Catch } from './seeded-bugs/catch.ts';
import { controllersFor, KINDS, schedule, SHORT_KINDS, type KindName } from './system/outages.ts';
import { runUnderFaults, type FaultReport } from './system/run.ts';

const { values } = parseArgs({ options: { short: { type: 'boolean', default: false }, json: { type: 'boolean', default: false }, seed: { type: 'string', default: '1' }, keep: { type: 'boolean', default: false } } });
const size = values.short
  ? { gateways: 6, commands: 200, slots: 110, atOnce: 3, faults: 10, kinds: SHORT_KINDS }
  : { gateways: 25, commands: 5000, slots: 620, atOnce: 4, faults: 100, kinds: Object.keys(KINDS) as KindName[] };

const say = (line: object, text: string): void => console.log(values.json ? JSON.stringify(line) : text);

const stateDir = mkdtempSync(path.join(os.tmpdir(), 'ctfleet-faults-'));
const family = new Family();
try {
  const onFault = (report: FaultReport): void => say(report, `${report.fault}: ${report.inFlight} commands under way, ${report.lastedMs} ms${report.recoveredMs === undefined ? '' : `, going on after ${report.recoveredMs} ms`}`);
  const report = await runUnderFaults({ ...size, home: { family, stateDir }, controllers: controllersFor(values.short), faults: schedule(Number(values.seed), size.faults, size.kinds) }, onFault);
  const violations = checkInvariants(report.history);
  for (const violation of violations) say(violation, `BROKEN ${violation.invariant}: ${violation.subject}: ${violation.what}`);
  const catches: Catch[] = [];
  for (const bug of BUGS) {
    const found = await tryToCatch(bug);
    catches.push(found);
    say({ ...found, violations: found.violations.length }, `${found.isCaught ? 'caught' : 'NOT CAUGHT'}: ${found.bug} (${found.breaks})${found.error ? `: ${found.error}` : ''}`);
  }
  const tally = (kind: Violation['tally']): number => new Set(violations.filter((violation) => violation.tally === kind).map(({ subject }) => subject)).size;
  const summary = {
    summary: true, faults: report.faults.length, commands: report.commands, lost: tally('lost'), doubled: tally('doubled'), disordered: tally('disordered'), unfinished: tally('unfinished'),
    seededBugs: catches.length, caught: catches.filter(({ isCaught }) => isCaught).length, violations: violations.length, seed: Number(values.seed), settledMs: report.settledMs, seconds: Math.round(report.seconds),
    worstRecoveryMs: Math.max(0, ...report.faults.map(({ recoveredMs = 0 }) => recoveredMs)),
  };
  console.log(JSON.stringify(summary));
  process.exitCode = violations.length > 0 || report.settledMs === undefined || summary.caught < summary.seededBugs ? 1 : 0;
} finally {
  await family.end();
  if (!values.keep) rmSync(stateDir, { recursive: true, force: true });
}
process.exit();
