import { execFileSync } from 'node:child_process';
import { cpSync, existsSync, globSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { fail, say } from '../say.ts';

/** The suites with the newest kernel of each series; 5.10 until bullseye moves from the mirrors to Debian's archive. */
const SUITES = ['debian-security bullseye-security', 'debian-security bookworm-security', 'debian trixie-backports'];
const MIRROR = 'http://deb.debian.org';
const KEYS = '/usr/share/keyrings/debian-archive-keyring.gpg';
/** What checks may need: all of networking, and what its modules depend on. */
const MODULES = [
  'kernel/net',
  'kernel/lib',
  'kernel/crypto',
  'kernel/arch/x86/crypto',
  'kernel/drivers/net/veth.ko*',
  'kernel/drivers/net/dummy.ko*',
  'kernel/drivers/virtio',
  'kernel/drivers/block/virtio_blk.ko*',
  'kernel/fs/{ext4,jbd2,mbcache.ko*}',
];

/** A bootable kernel: `folder` holds `vmlinuz` and `lib/modules/RELEASE`. */
export interface Kernel {
  series: string;
  release: string;
  folder: string;
}

/**
 * The newest kernel of a series (`6.12`), fetched once with apt and unpacked without being installed. The machine's own lists are not
 * changed.
 */
export function bringKernel(series: string, home: string): Kernel {
  const folder = path.join(home, series);
  const contents = path.join(folder, 'contents');
  if (!existsSync(contents) || readFileSync(contents, 'utf8') !== MODULES.join('\n')) unpack(series, folder, path.join(home, 'apt'));
  return { series, release: readdirSync(path.join(folder, 'lib/modules'))[0]!, folder };
}

function unpack(series: string, folder: string, aptHome: string): void {
  const apt = aptOf(aptHome);
  const packages = packagesOf(series, apt('apt-cache', 'pkgnames', 'linux-').split('\n'));
  if (!packages) fail(`Debian has no cloud kernel ${series} in ${SUITES.join(', ')}.`);
  say(`bringing ${packages.join(' and ')}`);
  const making = `${folder}.new`;
  rmSync(making, { recursive: true, force: true });
  mkdirSync(path.join(making, 'root'), { recursive: true });
  apt('apt-get', 'download', ...packages);
  for (const file of globSync('*.deb', { cwd: aptHome })) {
    execFileSync('dpkg', ['-x', path.join(aptHome, file), path.join(making, 'root')]);
    rmSync(path.join(aptHome, file));
  }
  const [modules = '', image = ''] = ['{lib,usr/lib}/modules/*', '{boot/vmlinuz-*,usr/lib/modules/*/vmlinuz}'].map(
    (pattern) => globSync(pattern, { cwd: path.join(making, 'root') })[0],
  );
  const release = path.basename(modules);
  renameSync(path.join(making, 'root', image), path.join(making, 'vmlinuz'));
  takeModules(path.join(making, 'root', modules), path.join(making, 'lib/modules', release));
  execFileSync('depmod', ['-b', making, release]);
  rmSync(path.join(making, 'root'), { recursive: true });
  writeFileSync(path.join(making, 'contents'), MODULES.join('\n'));
  rmSync(folder, { recursive: true, force: true });
  renameSync(making, folder);
}

function takeModules(from: string, to: string): void {
  for (const pattern of [...MODULES, 'modules.{builtin,order}*']) {
    for (const name of globSync(pattern, { cwd: from })) cpSync(path.join(from, name), path.join(to, name), { recursive: true });
  }
  // Decompressed once here and not at each boot there, where the processor is emulated.
  const packed = globSync('**/*.ko.xz', { cwd: to });
  if (packed.length > 0) execFileSync('xz', ['-d', ...packed], { cwd: to });
}

/** Names of the packages with the newest image and modules of a series, three since 6.19; undefined if there is none. */
export function packagesOf(series: string, names: string[]): string[] | undefined {
  const pattern = new RegExp(`^linux-(?:image|binary)-(${series.replaceAll('.', '\\.')}\\.\\d[\\w.+-]*)-cloud-amd64$`);
  const newest = names
    .flatMap((name) => pattern.exec(name)?.[1] ?? [])
    .filter((version) => !/\.deb\d/.test(version))
    .sort((a, b) => a.localeCompare(b, 'en', { numeric: true }))
    .at(-1);
  if (newest === undefined) return undefined;
  const [image, ...parts] = ['image', 'binary', 'modules', 'base'].map((part) => `linux-${part}-${newest}-cloud-amd64`) as [
    string,
    ...string[],
  ];
  return names.includes(parts[0]!) ? parts.filter((name) => names.includes(name)) : [image];
}

/** Runs apt's programs with separate lists. */
function aptOf(home: string): (program: string, ...args: string[]) => string {
  for (const folder of ['lists/partial', 'cache/archives/partial']) mkdirSync(path.join(home, folder), { recursive: true });
  writeFileSync(
    path.join(home, 'sources.list'),
    SUITES.map((suite) => `deb [arch=amd64 signed-by=${KEYS}] ${MIRROR}/${suite} main\n`).join(''),
  );
  const settings = {
    'Dir::Etc::sourcelist': `${home}/sources.list`,
    'Dir::Etc::sourceparts': '/dev/null',
    'Dir::State::lists': `${home}/lists`,
    'Dir::Cache': `${home}/cache`,
    'APT::Sandbox::User': 'root',
  };
  const options = Object.entries(settings).flatMap(([name, value]) => ['-o', `${name}=${value}`]);
  const apt = (program: string, ...args: string[]): string =>
    execFileSync(program, [...options, ...args], { cwd: home, encoding: 'utf8', stdio: ['ignore', 'pipe', 'inherit'] });
  apt('apt-get', '-q', 'update');
  return apt;
}
