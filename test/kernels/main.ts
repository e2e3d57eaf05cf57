// Tries what the agent relies on with the running kernel; prints one JSON object per check. tools/kernels.ts runs it under each kernel; see
// docs/kernels.md.
//   node build/test/kernels/main.js [--guest] [PART OF A NAME …]
import os from 'node:os';
import { blockChecks } from './blocks.ts';
import type { Check } from './check.ts';
import { codecChecks } from './codec.ts';
import { failoverChecks } from './failover.ts';
import { lostChecks } from './lost.ts';
import { rulesChecks } from './rules.ts';

const [isGuest, wanted] = [process.argv.includes('--guest'), process.argv.slice(2).filter((word) => word !== '--guest')];
let failed = 0;
for (const { checks, close } of [lostChecks, codecChecks, blockChecks, rulesChecks, failoverChecks]) {
  for (const check of checks)
    if ((isGuest || !check.needsGuest) && (wanted.length === 0 || wanted.some((part) => check.name.includes(part)))) await tryOne(check);
  await close();
}
process.exit(failed === 0 ? 0 : 1);

async function tryOne({ name, run }: Check): Promise<void> {
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
