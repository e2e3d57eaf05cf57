// npm run faults -- [--short] [--seed N] [--json]: a real system under kill -9, stops and cuts, a checker of fourteen promises, and bugs
// that it must catch; with --replicas, three controllers with all roles that are killed, stopped, cut off and drained.
// npm run faults -- renewals [--gateways N] [--minutes N] [--json]: half an hour of certificates of five minutes.
// npm run faults -- policies [--count 500] [--seed N] [--json]: random policies on gateways of their own. See docs/faults.md.
// npm run faults -- last-release [--commit C] [--only NAME]: the last release's code, by its own tests, on today's schema.
// npm run faults -- upgrade [--commit C] [--json]: replicas and agents of the last release and of this one, under load and faults.
import { spawnSync } from 'node:child_process';
import path from 'node:path';
import { fail } from './say.ts';
import { build, ROOT } from './set-up.ts';
import { ensurePrograms, howToInstall } from './system.ts';

// Code generated from the protocol has enums, which Node does not run without a transform.
const FLAGS = ['--experimental-transform-types', '--disable-warning=ExperimentalWarning'];
const [first, ...rest] = process.argv.slice(2);
const TRIALS = ['renewals', 'policies', 'last-release', 'upgrade'];
const [program, args] = first !== undefined && TRIALS.includes(first) ? [`${first}.ts`, rest] : ['main.ts', process.argv.slice(2)];
// Of a gateway alone: its agent runs from source.
if (first !== 'policies') {
  const missing = ensurePrograms(['redis-server']);
  if (missing.length > 0) fail(howToInstall(missing));
  await build({ console: false });
}
process.exit(spawnSync(process.execPath, [...FLAGS, path.join(ROOT, 'test/faults', program), ...args], { stdio: 'inherit' }).status ?? 1);
