import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { say } from './say.ts';

const FONTS = ['fonts-inter', 'fonts-jetbrains-mono', 'fonts-liberation'];

/** System programs we use, and the Debian packages that provide them. */
const PACKAGES: Record<string, string[]> = {
  ip: ['iproute2'],
  'iptables-nft-restore': ['iptables'],
  ipset: ['ipset'],
  nft: ['nftables'],
  conntrack: ['conntrack'],
  'redis-server': ['redis-server'],
  setpriv: ['util-linux'],
  ssh: ['openssh-client'],
  dropbear: ['dropbear-bin'],
  'qemu-system-x86_64': ['qemu-system-x86'],
  busybox: ['busybox-static'],
  modprobe: ['kmod'],
  depmod: ['kmod'],
  xz: ['xz-utils'],
  sysctl: ['procps'],
  mke2fs: ['e2fsprogs'],
  'systemd-run': ['systemd'],
  systemctl: ['systemd'],
  dpkg: ['dpkg'],
  'chromium-headless-shell': ['chromium-headless-shell', ...FONTS],
  chromium: ['chromium', ...FONTS],
};

/** The path of a program, on the PATH or in an sbin folder. */
export function findProgram(name: string): string | undefined {
  return [...(process.env.PATH ?? '').split(':'), '/usr/local/sbin', '/usr/sbin', '/sbin']
    .filter((folder) => folder !== '')
    .map((folder) => `${folder}/${name}`)
    .find((file) => existsSync(file));
}

export function hasProgram(name: string): boolean {
  return findProgram(name) !== undefined;
}

/** Installs what is missing if possible (root on Debian) and returns what is still missing. */
export function ensurePrograms(names: string[]): string[] {
  const missing = names.filter((name) => !hasProgram(name));
  if (missing.length === 0) return [];
  if (process.getuid?.() !== 0 || !hasProgram('apt-get')) return missing;
  const packages = [...new Set(missing.flatMap((name) => PACKAGES[name] ?? [name]))];
  say(`installing ${packages.join(', ')}`);
  const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' };
  const apt = (...args: string[]) =>
    spawnSync('apt-get', ['-q', '-y', '-o', 'DPkg::Lock::Timeout=120', ...args], {
      env,
      stdio: ['ignore', 'ignore', 'pipe'],
      encoding: 'utf8',
    });
  let result = apt('install', '--no-install-recommends', ...packages);
  if (result.status !== 0) {
    apt('update');
    result = apt('install', '--no-install-recommends', ...packages);
  }
  if (result.status !== 0) say(`apt-get could not install them: ${result.stderr.trim().split('\n').at(-1) ?? ''}`);
  return missing.filter((name) => !hasProgram(name));
}

/** One line that says what to install. */
export function howToInstall(names: string[]): string {
  return `missing: ${names.join(', ')}. On Debian: apt-get install ${[...new Set(names.flatMap((name) => PACKAGES[name] ?? [name]))].join(' ')}`;
}

/** Why real gateways cannot run on this machine; undefined if they can. */
export function whyNoKernelGateways(): string | undefined {
  if (process.platform !== 'linux') return `this is ${process.platform}, not Linux`;
  if (process.getuid?.() !== 0) return 'this user is not root';
  const missing = ensurePrograms(['ip', 'nft']);
  if (missing.length > 0) return howToInstall(missing);
  const name = `ctprobe${process.pid}`;
  const probe = spawnSync(
    'sh',
    [
      '-c',
      `ip netns add ${name} && ip netns exec ${name} sh -c 'echo "table inet t { chain c { type filter hook input priority 0; ct state new accept; }; }" | nft -f - && cat /proc/sys/net/netfilter/nf_conntrack_count'; code=$?; ip netns del ${name}; exit $code`,
    ],
    { encoding: 'utf8' },
  );
  return probe.status === 0 ? undefined : `namespaces or conntrack do not work here: ${probe.stderr.trim().split('\n')[0] ?? ''}`;
}
