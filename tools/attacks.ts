// npm run attacks -- TRIAL [--count N] [--seed S] [--seconds S]: a million of something hostile against real programs. See docs/attacks.md.
import { spawnSync } from 'node:child_process';
import path from 'node:path';
import { fail } from './say.ts';
import { build, ROOT } from './set-up.ts';
import { ensurePrograms, howToInstall } from './system.ts';

// Code generated from the protocol has enums, which Node does not run without a transform.
const FLAGS = ['--experimental-transform-types', '--disable-warning=ExperimentalWarning'];
const TRIALS = ['frames-to-controller', 'frames-to-agent', 'requests', 'policy-documents'];
const [name = '', ...args] = process.argv.slice(2);
if (!TRIALS.includes(name)) fail(`There is no trial "${name}". Available: ${TRIALS.join(', ')}`);
const missing = ensurePrograms(['redis-server', 'ip', 'nft']);
if (missing.length > 0) fail(howToInstall(missing));
await build({ console: false });
process.exit(
  spawnSync(process.execPath, [...FLAGS, path.join(ROOT, 'test/attacks/fuzz/main.ts'), name, ...args], { stdio: 'inherit' }).status ?? 1,
);
