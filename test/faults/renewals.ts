// Certificates of five minutes through half an hour of renewals, on hundreds of gateways, while controllers are killed ten times and
// Postgres twice. Started by tools/faults.ts. [--gateways N] [--minutes N] [--json] [--keep]
import { mkdtempSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { ProcessGroup } from '../../tools/process-group.ts';
import { STATE } from '../../tools/set-up.ts';
import { checkInvariants } from './invariants.ts';
import { certificatesOf, linkedSince } from './system/collect.ts';
import { patienceMs, type Fleet } from './system/fleet.ts';
import type { KindName } from './system/outages.ts';
import { runUnderFaults } from './system/run.ts';

const { values } = parseArgs({
  options: {
    gateways: { type: 'string', default: '500' },
    minutes: { type: 'string', default: '30' },
    json: { type: 'boolean', default: false },
    keep: { type: 'boolean', default: false },
  },
});
const [gateways, minutes] = [Number(values.gateways), Number(values.minutes)];
/** The shortest life that a controller accepts. */
const LIFE_MINUTES = 5;
/** Renewed at six tenths of its life at the latest; a gateway whose controller was away at that moment is later by a renewal in all. */
const MIN_GENERATION = Math.floor(minutes / (LIFE_MINUTES * 0.6)) - 1;
const LOOK_MS = 5000;
const MINUTE_MS = 60_000;
/** Ten kills of controllers, two crashes of Postgres, and a copy of a gateway that nobody may fail to notice. */
const FAULTS: readonly KindName[] = [
  'front-1 killed',
  'worker-1 killed',
  'front-1 killed',
  'postgres crashed',
  'front-2 killed',
  'front-1 killed',
  'gateway cloned',
  'front-2 killed',
  'worker-1 killed',
  'front-1 killed',
  'postgres crashed',
  'front-2 killed',
  'front-1 killed',
];

process.env.NODE_COMPILE_CACHE ??= path.join(STATE, 'compile-cache');
const stateDir = mkdtempSync(path.join(os.tmpdir(), 'ctfleet-renewals-'));
const family = new ProcessGroup();
const seen = { ended: 0, least: 0, renewals: 0, astray: 0, unlinked: gateways };
try {
  const report = await runUnderFaults(
    {
      home: { family, stateDir: path.join(stateDir, 'run') },
      controllers: ['front-1', 'front-2', 'worker-1'],
      gateways,
      settleMs: patienceMs(gateways),
      commands: Infinity,
      slots: minutes * 2,
      atOnce: 2,
      faults: FAULTS.map((kind) => ({ kind, afterMs: (minutes * MINUTE_MS) / (FAULTS.length + 1) })),
      controllerEnv: { CTFLEET_CERTIFICATE_MINUTES: String(LIFE_MINUTES), CTFLEET_SAMPLE_INTERVAL_MS: '30000' },
      beside: watchCertificates,
    },
    (fault) => say(fault, `${fault.fault}: lasted ${fault.lastedMs} ms`),
  );
  const violations = checkInvariants(report.history);
  for (const violation of violations) say(violation, `BROKEN ${violation.invariant}: ${violation.subject}: ${violation.what}`);
  const { commands } = report.history;
  console.log(
    JSON.stringify({
      summary: true,
      gateways,
      minutes: Math.round(report.seconds / 60),
      faults: report.faults.length,
      commands: commands.length,
      ...seen,
      violations: violations.length,
      settledMs: report.settledMs,
      isOver: report.isOver,
    }),
  );
  const isSound = violations.length === 0 && report.isOver && report.settledMs <= patienceMs(gateways);
  const areRenewed = seen.ended + seen.astray + seen.unlinked === 0 && seen.least >= MIN_GENERATION;
  process.exitCode = isSound && areRenewed ? 0 : 1;
} finally {
  await family.end();
  if (!values.keep) rmSync(stateDir, { recursive: true, force: true });
}
process.exit();

/** Counts each look at which a certificate had ended; at the end, who is not back. */
async function watchCertificates({ parts }: Fleet, over: AbortSignal): Promise<void> {
  const before = (await certificatesOf(parts.databaseUrl)).total;
  while (!over.aborted) {
    await delay(LOOK_MS, undefined, { signal: over }).catch(() => undefined);
    // While Postgres is down nobody knows.
    const found = await certificatesOf(parts.databaseUrl).catch(() => undefined);
    if (!found) continue;
    Object.assign(seen, { least: found.least, renewals: found.total - before, astray: found.astray, ended: seen.ended + found.ended });
  }
  seen.unlinked = gateways - (await linkedSince(parts.databaseUrl, 0));
}

function say(line: object, text: string): void {
  console.log(values.json ? JSON.stringify(line) : text);
}
