// npm run bench -- [NAME] [--json]: benchmarks side by side with what people use today. Without a name, all of them.
import { spawnSync } from 'node:child_process';
import { readdirSync } from 'node:fs';
import path from 'node:path';
import { fail } from './say.ts';
import { build, ROOT } from './set-up.ts';
import { ensurePrograms, howToInstall } from './system.ts';

// What is made from the protocol has enums, which Node does not run as they are.
const FLAGS = ['--experimental-transform-types', '--disable-warning=ExperimentalWarning'];
const folder = path.join(ROOT, 'test/bench');
const names = readdirSync(folder).filter((file) => /^[a-z-]+\.ts$/.test(file)).map((file) => file.slice(0, -3));
const args = process.argv.slice(2);
const name = args[0]?.startsWith('-') ? undefined : args.shift();
if (name !== undefined && !names.includes(name)) fail(`There is no benchmark "${name}". There are: ${names.join(', ')}`);
const missing = ensurePrograms(['ip', 'conntrack']);
if (missing.length > 0) fail(howToInstall(missing));
await build({ console: false });
const results = (name === undefined ? names : [name]).map((one) => spawnSync(process.execPath, [...FLAGS, path.join(folder, `${one}.ts`), ...args], { stdio: 'inherit' }).status);
process.exit(results.every((status) => status === 0) ? 0 : 1);
