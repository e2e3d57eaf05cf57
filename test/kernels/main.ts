// Tries what the agent relies on with the running kernel; prints one JSON object per check. tools/kernels.ts runs it under each kernel; see
// docs/kernels.md.
//   node build/test/kernels/main.js [--boot NUMBER] [PART OF A NAME …]
// `--boot`: in a guest, and which of its boots.
import { parseArgs } from 'node:util';
import os from 'node:os';
import { blockChecks } from './blocks.ts';
import type { Check } from './check.ts';
import { codecChecks } from './codec.ts';
import { failoverChecks } from './failover.ts';
import { lostChecks } from './lost.ts';
import { policyChecks } from './policy.ts';
import { policyTableChecks } from './policy-table.ts';
import { rulesChecks } from './rules.ts';

const { values, positionals: wanted } = parseArgs({ options: { boot: { type: 'string' } }, allowPositionals: true });
const isGuest = values.boot !== undefined;
let failed = 0;
for (const { checks, close } of [lostChecks, codecChecks, blockChecks, rulesChecks, failoverChecks, policyTableChecks, policyChecks]) {
  for (const check of checks) if (isDue(check)) await tryOne(check);
  await close();
}
process.exit(failed === 0 ? 0 : 1);

function isDue({ name, needsGuest, boot = 1 }: Check): boolean {
  if (isGuest ? boot !== Number(values.boot) : needsGuest) return false;
  return wanted.length === 0 || wanted.some((part) => name.includes(part));
}

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
