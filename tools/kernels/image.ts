import { execFileSync } from 'node:child_process';
import { copyFileSync, existsSync, globSync, readFileSync, realpathSync, statSync } from 'node:fs';
import path from 'node:path';
import { packagesFor, UNREAD } from '../packages.ts';
import { ROOT } from '../set-up.ts';
import { findProgram } from '../system.ts';
import { CpioWriter } from './cpio.ts';
import type { Kernel } from './debian.ts';

/** Programs for the guest, copied from this machine with the libraries they are linked to. */
export const PROGRAMS = [
  'busybox',
  'modprobe',
  'ip',
  'nft',
  'conntrack',
  'sysctl',
  'ipset',
  'iptables-nft-restore',
  'ip6tables-nft-restore',
  'systemd-run',
  'systemctl',
];
const APPLETS = ['sh', 'mount', 'mkdir', 'cat', 'echo', 'poweroff', 'ls', 'dmesg', 'sleep'];
/** Our own code: built files, and traffic programs, which run from source. */
const CODE = ['build/{agent,proto,controller/history,controller/platform,test}/**/*.js', 'test/field/rulesets/*.rules'];
const TRAFFIC = 'test/lab/{topology,traffic/*}.ts';
const ENTRY = 'build/test/kernels/main.js';
const PROTOCOLS = { icmp: 1, tcp: 6, udp: 17, gre: 47, esp: 50, ah: 51, 'ipv6-icmp': 58, sctp: 132, udplite: 136 };

const SYSTEMD = '/usr/lib/systemd';
/** The guest's boot at which systemd is the first program. */
export const SYSTEMD_BOOT = 3;

const INIT = `#!/usr/bin/sh
export PATH=/usr/sbin:/usr/bin
mount -t proc proc /proc
mount -t sysfs sysfs /sys
mount -t devtmpfs devtmpfs /dev
mount -t tmpfs tmpfs /run
mount -t tmpfs tmpfs /tmp
[ $ctfleet_boot = ${SYSTEMD_BOOT} ] && exec ${SYSTEMD}/systemd --unit=checks.service
sh /checks
`;
/** The console is the first serial line, results go to the second; the disk is there at every boot. */
const CHECKS = `export PATH=/usr/sbin:/usr/bin HOME=/tmp NODE_COMPILE_CACHE=/tmp/node-cache CTFLEET_PATIENCE=6
mkdir -p /run/netns
ip link set lo up
modprobe -a nf_conntrack nf_conntrack_netlink
modprobe -aq virtio_pci virtio_blk ext4
mount -t ext4 /dev/vda /state
cd /ctfleet
node ${ENTRY} --boot $ctfleet_boot $(cat /arguments) > /dev/ttyS1 2> /dev/ttyS0
echo "exit $?" > /dev/ttyS1
poweroff -f
`;
const CHECKS_UNIT = `[Service]
Type=oneshot
Environment=ctfleet_boot=${SYSTEMD_BOOT}
ExecStart=/usr/bin/sh /checks
`;

/** Writes the root file system shared by all kernels. */
export function makeRoot(file: string): void {
  const archive = new CpioWriter(file);
  for (const [name, target] of [
    ['bin', 'usr/bin'],
    ['sbin', 'usr/sbin'],
    ['lib', 'usr/lib'],
    ['lib64', 'usr/lib64'],
  ])
    archive.link(name!, target!);
  for (const folder of ['proc', 'sys', 'dev', 'run', 'tmp', 'var/tmp', 'etc', 'state', 'usr/lib64']) archive.folder(folder);
  archive.file('init', INIT, 0o755);
  archive.file('checks', CHECKS);
  archive.file('etc/passwd', 'root:x:0:0:root:/tmp:/usr/bin/sh\n');
  archive.file('etc/group', 'root:x:0:\n');
  addSystemd(archive);
  archive.file(
    'etc/protocols',
    Object.entries(PROTOCOLS)
      .map(([name, number]) => `${name} ${number} ${name.toUpperCase()}\n`)
      .join(''),
  );
  for (const name of PROGRAMS) addProgram(archive, findProgram(name)!, name === 'busybox' || name === 'ip' ? 'usr/bin' : 'usr/sbin');
  addProgram(archive, process.execPath, 'usr/bin');
  for (const applet of APPLETS) archive.link(`usr/bin/${applet}`, 'busybox');
  // iptables loads its matches and targets from here.
  for (const extension of globSync('/usr/lib/*/xtables/*.so')) archive.copy(extension.slice(1), extension);
  for (const name of globSync(CODE, { cwd: ROOT })) archive.copy(`ctfleet/${name}`, path.join(ROOT, name));
  for (const name of globSync(TRAFFIC, { cwd: ROOT })) archive.copy(`ctfleet/build/${name}`, path.join(ROOT, name));
  archive.copy('ctfleet/package.json', path.join(ROOT, 'package.json'));
  for (const place of packagesFor(['build/agent', 'build/proto', 'build/test'])) {
    for (const name of globSync(`${place}/**/*`, { cwd: ROOT, exclude: [`${place}/**/node_modules/**`] })) {
      if (!UNREAD.test(`/${name}`) && statSync(path.join(ROOT, name)).isFile()) archive.copy(`ctfleet/${name}`, path.join(ROOT, name));
    }
  }
  archive.close();
}

/** The root with the modules of one kernel, and the arguments of its checks. */
export function makeImage(root: string, file: string, { folder, release }: Kernel, args: string[]): void {
  copyFileSync(root, file);
  const archive = new CpioWriter(file, 'a');
  for (const name of globSync(`lib/modules/${release}/**/*`, { cwd: folder })) {
    if (statSync(path.join(folder, name)).isFile()) archive.copy(`usr/${name}`, path.join(folder, name));
  }
  archive.file('arguments', args.join(' '));
  archive.close();
}

/** The service manager with the points that its units refer to, and none of the services of a whole system. */
function addSystemd(archive: CpioWriter): void {
  for (const name of ['systemd', 'systemd-executor', 'systemd-shutdown'])
    if (existsSync(path.join(SYSTEMD, name))) addProgram(archive, path.join(SYSTEMD, name), SYSTEMD.slice(1));
  for (const name of globSync('system/*.{target,slice}', { cwd: SYSTEMD })) {
    const file = path.join(SYSTEMD, name);
    if (existsSync(file)) archive.file(file.slice(1), readFileSync(file, 'utf8'));
  }
  archive.file('etc/systemd/system/checks.service', CHECKS_UNIT);
  archive.file('etc/machine-id', `${'0'.repeat(31)}1\n`);
}

function addProgram(archive: CpioWriter, program: string, folder: string): void {
  archive.copy(`${folder}/${path.basename(program)}`, realpathSync(program));
  let libraries: string;
  try {
    libraries = execFileSync('ldd', [program], { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] });
  } catch {
    return; // not dynamically linked
  }
  for (const [, library] of libraries.matchAll(/(\/\S+\.so\S*) \(0x/g)) {
    if (existsSync(library!)) archive.copy(library!.slice(1).replace(/^lib/, 'usr/lib'), realpathSync(library!));
  }
}
