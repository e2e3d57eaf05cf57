// npm test: all set-up, then types, lint, unit, contract, integration, browser, whole stories and faults, on real parts.
import { staticChecks } from './checks/static.ts';
import { runProjects, type Counts } from './checks/vitest.ts';
import { say } from './say.ts';
import { build } from './set-up.ts';
import { ensurePrograms, howToInstall, whyNoKernelGateways } from './system.ts';

const isCi = process.env.CI !== undefined && process.env.CI !== '' && process.env.CI !== 'false';
const missing = ensurePrograms(['ip', 'nft', 'conntrack', 'redis-server', 'chromium']);
const cannot = { kernel: whyNoKernelGateways(), redis: missing.includes('redis-server') ? howToInstall(['redis-server']) : undefined, browser: missing.includes('chromium') ? howToInstall(['chromium']) : undefined };
await build();

const { passed, failed } = await staticChecks();
const total: Counts = { passed, failed: failed.length, skipped: 0, failures: failed };

add(await runProjects(['unit']));
await when('contract', cannot.kernel);
await when('integration', cannot.kernel ?? cannot.redis);
await when('attacks', cannot.kernel ?? cannot.redis);
await when('browser', cannot.browser);
await when('fleet', cannot.kernel ?? cannot.redis ?? cannot.browser);
await when('faults', cannot.redis);
// At the end, since the beginning of a long log is what gets lost.
total.failures.forEach((failure) => say(`failed: ${failure}`));
console.log(`${total.passed} passed, ${total.failed} failed${total.skipped > 0 ? `, ${total.skipped} skipped` : ''}`);
process.exit(total.failed > 0 ? 1 : 0);

/** Runs a project, or says why this machine cannot; never passed over in CI. */
async function when(project: string, why: string | undefined): Promise<void> {
  if (!why) return add(await runProjects([project]));
  say(`skipped ${project}: ${why}`);
  add(isCi ? { passed: 0, failed: 1, skipped: 0, failures: [`${project}: ${why}`] } : { passed: 0, failed: 0, skipped: 1, failures: [] });
}

function add(counts: Counts): void {
  total.passed += counts.passed;
  total.failed += counts.failed;
  total.skipped += counts.skipped;
  total.failures.push(...counts.failures);
  if (isCi && counts.skipped > 0) {
    total.failures.push(`${counts.skipped} tests were skipped, which CI does not allow`);
    total.failed += counts.skipped;
  }
}
