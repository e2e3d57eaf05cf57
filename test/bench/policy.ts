/**
 * A policy beside what an administrator does with sysctl and nft: `npm run bench -- policy [--json] [--runs 7] [--only WORDS]
 * [--gateways 20]`. Needs root.
 * On one gateway: planned and put in force, against `sysctl -p` and `nft -f` of the same content, which have no way back. Forwarding:
 * packets a second through a gateway with the policy, against the same rules as one would write them by hand. Many gateways: from the click
 * to the last that is confirmed, against OpenSSH to all in parallel, all on this one machine. Runs alternate, medians count.
 */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { bootClock } from '../../agent/time/boot-clock.ts';
import { Namespace } from '../support/namespace.ts';
import { FIREWALL, PolicyGateway } from '../support/policy-gateway.ts';
import { examplePolicy, rulesByHand, sysctlLines } from './policy-by-hand.ts';
import { fleetTimes } from './policy-fleet.ts';
import { ForwardingStage } from './policy-forwarding.ts';

interface Row {
  name: string;
  ours: number;
  theirs: number;
  unit: string;
  ratio: number;
  /** What the ratio is to be: at most for a time, at least for a rate. */
  target: number;
  ok: boolean;
}

const ONE_GATEWAY = 'one gateway: plan and apply';
const FORWARDING = 'forwarding: packets a second with the policy in force';
const FLEET = 'many gateways: from the click that rolls out to confirmed';
const SECONDS = 1.5;
const { values: options } = parseArgs({
  options: {
    json: { type: 'boolean' },
    runs: { type: 'string', default: '7' },
    only: { type: 'string', default: '' },
    gateways: { type: 'string', default: '20' },
  },
});
const runs = Number(options.runs);
const why = Namespace.why();
if (why) {
  console.error(`skipped: ${why}`);
  process.exit(0);
}
process.env.NODE_COMPILE_CACHE ??= path.join(import.meta.dirname, '../../.ctfleet/compile-cache');
if (ONE_GATEWAY.includes(options.only)) await compareOneGateway();
if (FORWARDING.includes(options.only)) await compareForwarding();
if (FLEET.includes(options.only)) await compareFleet();

/** Each run replaces what the one before has set, on two gateways that are alike. */
async function compareOneGateway(): Promise<void> {
  const stage = await PolicyGateway.start('ctb-policy');
  const byHand = Namespace.create('ctb-hand');
  const folder = mkdtempSync(path.join(os.tmpdir(), 'ctfleet-bench-'));
  const [settings, rules] = [path.join(folder, 'policy.conf'), path.join(folder, 'policy.nft')];
  const times: Record<'plan' | 'apply' | 'ours' | 'theirs', number[]> = { plan: [], apply: [], ours: [], theirs: [] };
  byHand.nft(FIREWALL);
  try {
    for (let run = 0; run < runs + 2; run++) {
      const document = examplePolicy(run);
      const began = performance.now();
      await stage.changes.plan(document);
      const planned = performance.now();
      await stage.changes.apply(document, 60_000);
      const ended = performance.now();
      await stage.changes.confirm({ openedAtBootMs: bootClock.bootMs() });
      // As an agent does every two seconds.
      await stage.kernel.table();
      writeFileSync(settings, sysctlLines(run));
      writeFileSync(rules, rulesByHand(run));
      const leave = byHand.enter();
      const theirs = performance.now();
      execFileSync('sysctl', ['-q', '-p', settings]);
      execFileSync('nft', ['-f', rules]);
      const theirsEnded = performance.now();
      leave();
      // The first ones have nothing to replace.
      if (run < 2) continue;
      times.plan.push(planned - began);
      times.apply.push(ended - planned);
      times.ours.push(ended - began);
      times.theirs.push(theirsEnded - theirs);
    }
  } finally {
    rmSync(folder, { recursive: true });
    byHand.remove();
    await stage.end();
  }
  const [ours, theirs] = [median(times.ours), median(times.theirs)];
  report({ name: ONE_GATEWAY, ours, theirs, unit: 'ms', ratio: ours / theirs, target: 1.5, ok: ours / theirs <= 1.5 });
  if (!options.json) console.log(`  of that the plan ${median(times.plan).toFixed(1)} ms, the rest ${median(times.apply).toFixed(1)} ms`);
}

async function compareForwarding(): Promise<void> {
  const stage = await ForwardingStage.build();
  const rates: Record<'none' | 'ours' | 'theirs', number[]> = { none: [], ours: [], theirs: [] };
  try {
    for (let run = 0; run < runs; run++) {
      const rate = (): Promise<number> => stage.rate(SECONDS);
      rates.none.push(await rate());
      rates.ours.push(await stage.withPolicy(examplePolicy(run), rate));
      rates.theirs.push(await stage.withRules(rulesByHand(run), rate));
    }
  } finally {
    stage.remove();
  }
  const [ours, theirs] = [median(rates.ours), median(rates.theirs)];
  report({ name: FORWARDING, ours, theirs, unit: 'packets/s', ratio: ours / theirs, target: 0.98, ok: ours / theirs >= 0.98 });
  if (!options.json) console.log(`  with no rules at all ${Math.round(median(rates.none)).toLocaleString('en')} packets/s`);
}

async function compareFleet(): Promise<void> {
  const { plan, rollOut, ssh } = await fleetTimes(Number(options.gateways), runs);
  const [ours, theirs] = [median(rollOut), median(ssh)];
  report({ name: FLEET, ours, theirs, unit: 'ms', ratio: ours / theirs, target: 1, ok: ours <= theirs });
  if (!options.json) console.log(`  the plan before it took ${Math.round(median(plan))} ms`);
}

function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)]!;
}

function report(row: Row): void {
  if (options.json) return void console.log(JSON.stringify(row));
  const number = (value: number): string => (row.unit === 'ms' ? value.toFixed(1) : Math.round(value).toLocaleString('en'));
  console.log(
    `${row.ok ? 'ok    ' : 'MISSED'} ${row.name}: ${number(row.ours)} ${row.unit}, by hand ${number(row.theirs)} ${row.unit}, ` +
      `ratio ${row.ratio.toFixed(3)} (target ${row.target})`,
  );
}
