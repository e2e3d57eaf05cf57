// npm run kernels -- [--kernel 6.12 …] [--check PART …]: tests what the agent relies on under Debian's kernels. See docs/kernels.md.
import { spawnSync } from 'node:child_process';
import { mkdirSync } from 'node:fs';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { ProcessGroup } from './process-group.ts';
import { bringKernel } from './kernels/debian.ts';
import { makeImage, makeRoot, PROGRAMS } from './kernels/image.ts';
import { boot } from './kernels/machine.ts';
import { fail, say } from './say.ts';
import { build, ROOT, STATE } from './set-up.ts';
import { ensurePrograms, howToInstall } from './system.ts';

const SERIES = ['5.10', '6.1', '6.12', '6.18', '7.3'];
const MEMORY_MB = 2048;
const HOME = path.join(STATE, 'kernels');

const { values } = parseArgs({
  options: { kernel: { type: 'string', multiple: true, default: SERIES }, check: { type: 'string', multiple: true, default: [] } },
});
if (process.platform !== 'linux' || process.arch !== 'x64')
  fail('Kernels can be tested only on x64 Linux, since guests get the programs of this machine.');
const missing = ensurePrograms([...PROGRAMS, 'qemu-system-x86_64', 'apt-get', 'dpkg', 'depmod', 'xz']);
if (missing.length > 0) fail(howToInstall(missing));
await build({ console: false });
if (spawnSync('tsc', ['-p', 'test/kernels'], { cwd: ROOT, stdio: ['ignore', 2, 2] }).status !== 0)
  fail('The checks could not be compiled.');

mkdirSync(HOME, { recursive: true });
const [root, image] = ['root', 'image'].map((name) => path.join(HOME, `${name}-${process.pid}.cpio`)) as [string, string];
const family = new ProcessGroup();
for (const file of [root, image]) family.adoptFile(file);
let failed = 0;
try {
  makeRoot(root);
  for (const series of values.kernel) {
    const kernel = bringKernel(series, HOME);
    makeImage(root, image, kernel, values.check);
    say(`starting ${kernel.release}`);
    const onLine = (line: string): void => {
      console.log(line);
      if (line.includes('"ok":false')) failed++;
    };
    const status = await boot({
      family,
      kernel: path.join(kernel.folder, 'vmlinuz'),
      image,
      console: path.join(HOME, `${series}.log`),
      memoryMb: MEMORY_MB,
      onLine,
    });
    say(`${kernel.release}: ${status === 0 ? 'all checks passed' : 'not all checks passed'}`);
  }
} finally {
  await family.end();
}
process.exit(failed === 0 ? 0 : 1);
