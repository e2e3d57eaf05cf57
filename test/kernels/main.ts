// Tries with the running kernel what the agent relies on; prints one JSON object a check. tools/kernels.ts runs it under each kernel, docs/kernels.md says more.
//   node build/test/kernels/main.js [--guest] [PART OF A NAME …]
import os from 'node:os';
import { blockChecks } from './blocks.ts';
import { codecChecks } from './codec.ts';
import { failoverChecks } from './failover.ts';
import { lostChecks } from './lost.ts';
import { rulesChecks } from './rules.ts';

const [isGuest, wanted] = [process.argv.includes('--guest'), process.argv.slice(2).filter((word) => word !== '--guest')];
const checks = [...lostChecks, ...codecChecks, ...blockChecks, ...rulesChecks, ...failoverChecks]
  .filter(({ name, needsGuest }) => (isGuest || !needsGuest) && (wanted.length === 0 || wanted.some((part) => name.includes(part))));
let failed = 0;
for (const { name, run } of checks) {
  const line: Record<string, unknown> = { kernel: os.release(), check: name, ok: true };
  try {
    line.seen = await run();
  } catch (error) {
    failed++;
    Object.assign(line, { ok: false, why: error instanceof Error ? error.message : String(error) });
    console.error(error);
  }
  console.log(JSON.stringify(line));
}
process.exit(failed === 0 ? 0 : 1);
