// npm test: all set-up, then types, lint, unit, contract, integration, browser, whole stories and faults, on real parts.
import type { RunSettings } from './checks/run.ts';
import { staticChecks } from './checks/static.ts';
import { runProjects, type Counts } from './checks/vitest.ts';
import { say } from './say.ts';
import { build } from './set-up.ts';
import { ensurePrograms, howToInstall, whyNoKernelGateways } from './system.ts';

const isCi = process.env.CI !== undefined && process.env.CI !== '' && process.env.CI !== 'false';
const missing = ensurePrograms(['ip', 'nft', 'conntrack', 'iptables-nft-restore', 'ipset', 'redis-server', 'chromium-headless-shell']);
// Its test is skipped without it.
ensurePrograms(['prometheus-alertmanager']);
// The full browser works as well, but takes longer.
const hasBrowser = !missing.includes('chromium-headless-shell') || ensurePrograms(['chromium']).length === 0;
const cannot = {
  kernel: whyNoKernelGateways(),
  redis: missing.includes('redis-server') ? howToInstall(['redis-server']) : undefined,
  browser: hasBrowser ? undefined : howToInstall(['chromium-headless-shell']),
};
await build();

const { passed, failed } = await staticChecks();
const total: Counts = { passed, failed: failed.length, skipped: 0, failures: failed };

// Three workers keep two cores busy. Then stories, which wait for programs, timers and probes, one after the other beside the browser,
// which yields to them. Then faults, whose seeded bugs are detected by what comes first. At the end what counts seconds, one by one,
// beside what only computes and takes what they leave; what waits for a database must not be left with that.
const noController = cannot.kernel ?? cannot.redis;
await together({
  unit: undefined,
  contract: cannot.kernel,
  field: cannot.kernel,
  kernel: cannot.kernel,
  controller: noController,
  attacks: noController,
  fuzz: noController,
});
await Promise.all([together({ browser: cannot.browser }, { niceness: 5, workers: 2 }), together({ fleet: noController }, { workers: 1 })]);
await together({ faults: cannot.redis }, { workers: 2 });
await Promise.all([
  together({ alone: noController ?? cannot.browser }),
  together({ axe: cannot.browser, codec: undefined }, { niceness: 15, workers: 1 }),
]);
// At the end, since the beginning of a long log gets lost.
total.failures.forEach((failure) => say(`failed: ${failure}`));
console.log(`${total.passed} passed, ${total.failed} failed${total.skipped > 0 ? `, ${total.skipped} skipped` : ''}`);
process.exit(total.failed > 0 ? 1 : 0);

/** Runs projects in one go. Those that this machine cannot run are reported with the reason; in CI each of them is a failure. */
async function together(
  projects: Record<string, string | undefined>,
  { workers, ...settings }: RunSettings & { workers?: number } = {},
): Promise<void> {
  const able = Object.keys(projects).filter((project) => !projects[project]);
  if (able.length > 0) add(await runProjects(able, workers === undefined ? [] : [`--maxWorkers=${workers}`], settings));
  for (const [project, why] of Object.entries(projects)) {
    if (!why) continue;
    say(`skipped ${project}: ${why}`);
    add(isCi ? { passed: 0, failed: 1, skipped: 0, failures: [`${project}: ${why}`] } : { passed: 0, failed: 0, skipped: 1, failures: [] });
  }
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
