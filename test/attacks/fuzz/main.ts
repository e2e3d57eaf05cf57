// A million hostile inputs: see docs/attacks.md. Started by tools/attacks.ts. TRIAL [--count N] [--seed S] [--seconds S]
import { parseArgs } from 'node:util';
import type { TrialOptions } from './findings.ts';
import { MAX_GROWTH_MB, TRIALS, type TrialName } from './trials.ts';

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    count: { type: 'string', default: '1000000' },
    seed: { type: 'string', default: '1' },
    seconds: { type: 'string', default: '86400' },
  },
});
const options: TrialOptions = {
  count: Number(values.count),
  seed: Number(values.seed),
  seconds: Number(values.seconds),
  onProgress: (line) => console.error(`ctfleet: ${line}`),
};
const report = await TRIALS[positionals[0] as TrialName](options);
for (const { kind, count, example } of report.findings) console.error(`ctfleet: ${count} × ${kind}\n${example.slice(0, 1500)}\n`);
console.log(JSON.stringify({ ...report, findings: report.findings.map(({ kind, count }) => ({ kind, count })) }));
process.exit(report.failures + report.crashes > 0 || report.rssGrowthMb > MAX_GROWTH_MB ? 1 : 0);
