// npm run bench -- [NAME] [--json]: benchmarks side by side with what people use today; without a name, all of them. Trials run only by
// name.
import { spawnSync } from 'node:child_process';
import path from 'node:path';
import { fail } from './say.ts';
import { build, ROOT } from './set-up.ts';
import { ensurePrograms, howToInstall } from './system.ts';

// Code generated from the protocol has enums, which Node does not run without a transform.
const FLAGS = ['--experimental-transform-types', '--disable-warning=ExperimentalWarning'];
const folder = path.join(ROOT, 'test/bench');
const BENCHMARKS = ['engine', 'bulk-flush', 'stale', 'policy', 'cli'];
/** Programs that a benchmark needs beyond the common ones. */
const PROGRAMS: Record<string, string[]> = {
  'bulk-flush': ['nft', 'redis-server', 'ssh', 'dropbear'],
  stale: ['nft'],
  policy: ['nft', 'sysctl', 'redis-server', 'ssh'],
  cli: ['nft', 'redis-server', 'ssh'],
  'policy-flood': ['nft'],
  fleet: ['redis-server'],
};
/** They compare with nothing: they apply load for minutes and report what held. */
const TRIALS = [
  'churn',
  'fleet',
  'fuzz-codec',
  'ingest',
  'neighbours',
  'overview',
  'policy-effects',
  'policy-flood',
  'search',
  'soak',
  'storm',
];
const args = process.argv.slice(2);
const name = args[0]?.startsWith('-') ? undefined : args.shift();
if (name !== undefined && ![...BENCHMARKS, ...TRIALS].includes(name))
  fail(`There is no benchmark "${name}". Available: ${BENCHMARKS.join(', ')}; and trials: ${TRIALS.join(', ')}`);
const missing = ensurePrograms(['ip', 'conntrack', ...(name === undefined ? BENCHMARKS : [name]).flatMap((one) => PROGRAMS[one] ?? [])]);
if (missing.length > 0) fail(howToInstall(missing));
await build({ console: false });
const results = (name === undefined ? BENCHMARKS : [name]).map(
  (one) => spawnSync(process.execPath, [...FLAGS, path.join(folder, `${one}.ts`), ...args], { stdio: 'inherit' }).status,
);
process.exit(results.every((status) => status === 0) ? 0 : 1);
