import { chmodSync, cpSync, globSync, mkdirSync, readFileSync, statSync, utimesSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { fail } from '../say.ts';
import { run, type Platform } from './platforms.ts';

const FILES = path.join(import.meta.dirname, 'files');
export const MAX_PACKAGE_BYTES = 45e6;

/** Where an archive is made from a tree. `epochSeconds`: the time of every file in it. */
export interface ArchiveOptions {
  version: string;
  platform: Platform;
  epochSeconds: number;
  /** The folder for the result. */
  folder: string;
}

/** Makes a Debian package of a tree. Returns its path. */
export function makeDeb(tree: string, { version, platform, epochSeconds, folder }: ArchiveOptions): string {
  const control = path.join(tree, 'DEBIAN');
  mkdirSync(control);
  for (const script of ['postinst', 'prerm', 'postrm']) {
    cpSync(path.join(FILES, script), path.join(control, script));
    chmodSync(path.join(control, script), 0o755);
  }
  writeFileSync(path.join(control, 'conffiles'), '/etc/ctfleet/agent.env\n');
  writeFileSync(path.join(control, 'control'), controlOf(tree, version, platform));
  normalise(tree, epochSeconds);
  const file = path.join(folder, `ctfleet-agent_${version}_${platform.debian}.deb`);
  // One thread: the blocks of several would be other bytes.
  run('dpkg-deb', ['--root-owner-group', '-Zxz', '-z6', '--threads-max=1', '--build', tree, file], {
    env: { SOURCE_DATE_EPOCH: String(epochSeconds) },
  });
  return small(file);
}

/** Makes a plain archive of a tree, to be unpacked at `/`. Returns its path. */
export function makeTarball(tree: string, { version, platform, epochSeconds, folder }: ArchiveOptions): string {
  normalise(tree, epochSeconds);
  const file = path.join(folder, `ctfleet-agent-${version}-linux-${platform.debian}.tar.xz`);
  const same = ['--sort=name', '--owner=0', '--group=0', '--numeric-owner', `--mtime=@${epochSeconds}`, '--format=gnu'];
  run('tar', ['-cf', file, ...same, '-I', 'xz -6 -T1', '-C', tree, '.']);
  return small(file);
}

function controlOf(tree: string, version: string, { debian }: Platform): string {
  const bytes = globSync('**/*', { cwd: tree }).reduce((sum, file) => sum + statSync(path.join(tree, file)).size, 0);
  return `Package: ctfleet-agent
Version: ${version}
Architecture: ${debian}
Maintainer: ctfleet <packages@ctfleet.invalid>
Installed-Size: ${Math.ceil(bytes / 1024)}
Depends: libc6 (>= 2.28), libstdc++6, libgcc-s1, init-system-helpers, netbase, passwd, systemd
Recommends: nftables, kmod
Section: net
Priority: optional
Description: sees, clears and tunes this gateway's connection tracking
 The agent of ctfleet reads and changes the conntrack table of this machine
 for its controller, within the limits that its owner sets here. It brings
 everything that it runs on.
`;
}

/** The same modes and times whoever builds, and with whatever mask. */
function normalise(tree: string, epochSeconds: number): void {
  for (const entry of globSync('**/*', { cwd: tree, withFileTypes: true })) {
    const place = path.join(entry.parentPath, entry.name);
    if (entry.isDirectory()) chmodSync(place, 0o755);
    utimesSync(place, epochSeconds, epochSeconds);
  }
  chmodSync(tree, 0o755);
  utimesSync(tree, epochSeconds, epochSeconds);
}

function small(file: string): string {
  const { length } = readFileSync(file);
  if (length > MAX_PACKAGE_BYTES) fail(`${path.basename(file)} has ${length} bytes; ${MAX_PACKAGE_BYTES} are allowed.`);
  return file;
}
