/**
 * A fleet of simulated gateways on one controller: `npm run bench -- fleet [--json] [--gateways 1000] [--flows 100000] [--minutes 2]
 * [--only search,metrics] [--processes 2]`. The controller, Postgres, Redis and the links with mutual TLS are real; the gateways come from
 * agent/simulate, whose processes share the machine, so that CPU is read for each program. docs/scaling.md says what was measured.
 */
import os from 'node:os';
import type { LoadReport } from '../../agent/simulate/load-report.ts';
import { fail } from '../../tools/say.ts';
import { startTestSystem } from '../support/system.ts';
import { comebackRows } from './fleet-comeback.ts';
import { heldRows } from './fleet-held.ts';
import { fleetOptions, type FleetOptions, type Part } from './fleet-options.ts';
import { planRows, searchRows } from './fleet-queries.ts';
import { FleetReport } from './fleet-report.ts';
import { FleetStage, REPORT_MS } from './fleet-stage.ts';
import { metricsRows, overviewRows, remediationRows } from './fleet-told.ts';

const MEASURE: Record<Part, (stage: FleetStage) => Promise<void>> = {
  held: heldRows,
  search: searchRows,
  plan: planRows,
  remediation: remediationRows,
  overview: overviewRows,
  metrics: metricsRows,
  comeback: comebackRows,
};

const options = understood();
const report = new FleetReport(options.json);
const loads = new Map<number, LoadReport>();
const began = performance.now();
const { system, end } = await startTestSystem({
  gateways: 0,
  simulated: options.gateways,
  withTraffic: false,
  controllerEnv: { CTFLEET_LOG_LEVEL: 'warn' },
  simulation: { flows: options.flows, processes: options.processes, reportMs: REPORT_MS, onLine: takeLoad },
});
try {
  const stage = new FleetStage(system, options, report, loads);
  await stage.open();
  report.note(`${os.cpus()[0]?.model}, ${os.availableParallelism()} cores, ${Math.round(os.totalmem() / 2 ** 30)} GiB`);
  report.row({ name: 's until all are enrolled and online', size: stage.size, ours: (performance.now() - began) / 1000 });
  for (const [program, { cpuMs }] of Object.entries(stage.costs()))
    report.row({ name: `CPU s of ${program} until then`, size: stage.size, ours: cpuMs / 1000 });
  for (const part of options.only) {
    stage.noteLoad();
    await MEASURE[part](stage);
  }
  await stage.close();
} finally {
  await end();
}
process.exit(report.hasMissed ? 1 : 0);

function understood(): FleetOptions {
  try {
    return fleetOptions(process.argv.slice(2));
  } catch (error) {
    return fail((error as Error).message);
  }
}

function takeLoad(line: string): void {
  if (!line.startsWith('{"simulated":')) return;
  const load = JSON.parse(line) as LoadReport;
  loads.set(load.simulated, load);
}
