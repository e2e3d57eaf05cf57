// npm run kernels -- [--kernel 6.12 …] [--check PART …]: tests what the agent relies on under Debian's kernels. See docs/kernels.md.
import { spawnSync } from 'node:child_process';
import { closeSync, ftruncateSync, mkdirSync, openSync } from 'node:fs';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { ProcessGroup } from './process-group.ts';
import { bringKernel } from './kernels/debian.ts';
import { makeImage, makeRoot, PROGRAMS, SYSTEMD_BOOT } from './kernels/image.ts';
import { boot } from './kernels/machine.ts';
import { fail, say } from './say.ts';
import { build, ROOT, STATE } from './set-up.ts';
import { ensurePrograms, howToInstall } from './system.ts';

const SERIES = ['5.10', '6.1', '6.12', '6.18', '7.3'];
const MEMORY_MB = 2048;
/** Some checks go on after a reboot, some under systemd. */
const BOOTS = [1, 2, SYSTEMD_BOOT];
const DISK_BYTES = 64 * 2 ** 20;
const HOME = path.join(STATE, 'kernels');

const { values } = parseArgs({
  options: { kernel: { type: 'string', multiple: true, default: SERIES }, check: { type: 'string', multiple: true, default: [] } },
});
if (process.platform !== 'linux' || process.arch !== 'x64')
  fail('Kernels can be tested only on x64 Linux, since guests get the programs of this machine.');
const missing = ensurePrograms([...PROGRAMS, 'qemu-system-x86_64', 'apt-get', 'dpkg', 'depmod', 'xz', 'mke2fs']);
if (missing.length > 0) fail(howToInstall(missing));
await build({ console: false });
if (spawnSync('tsc', ['-p', 'test/kernels'], { cwd: ROOT, stdio: ['ignore', 2, 2] }).status !== 0)
  fail('The checks could not be compiled.');

mkdirSync(HOME, { recursive: true });
const [root, image, disk] = ['root.cpio', 'image.cpio', 'disk'].map((name) => path.join(HOME, `${process.pid}-${name}`)) as [
  string,
  string,
  string,
];
const family = new ProcessGroup();
for (const file of [root, image, disk]) family.adoptFile(file);
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
    makeDisk(disk);
    const statuses = [];
    for (const number of BOOTS)
      statuses.push(
        await boot({
          family,
          kernel: path.join(kernel.folder, 'vmlinuz'),
          image,
          disk,
          number,
          console: path.join(HOME, `${series}${number === 1 ? '' : `-boot-${number}`}.log`),
          memoryMb: MEMORY_MB,
          onLine,
        }),
      );
    say(`${kernel.release}: ${statuses.every((status) => status === 0) ? 'all checks passed' : 'not all checks passed'}`);
  }
} finally {
  await family.end();
}
process.exit(failed === 0 ? 0 : 1);

function makeDisk(file: string): void {
  const descriptor = openSync(file, 'w');
  ftruncateSync(descriptor, DISK_BYTES);
  closeSync(descriptor);
  if (spawnSync('mke2fs', ['-q', '-F', '-t', 'ext4', file], { stdio: ['ignore', 'ignore', 'inherit'] }).status !== 0)
    fail('The disk of the guests could not be made.');
}
