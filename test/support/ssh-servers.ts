import { execFileSync, spawn, spawnSync, type ChildProcess } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { spawnIn } from '../lab/namespace.ts';

/** OpenSSH as Debian, Ubuntu and VyOS have it; dropbear as OpenWrt has it. */
export const SSH_SERVERS = ['openssh', 'dropbear'] as const;
export type SshServer = (typeof SSH_SERVERS)[number];

/** Where Debian's package would install it, and libraries that a machine without it may lack. */
const SSHD = 'usr/sbin/sshd';
const LIBRARIES = 'usr/lib/x86_64-linux-gnu:lib/x86_64-linux-gnu:usr/lib/aarch64-linux-gnu:lib/aarch64-linux-gnu';

/**
 * An ssh server in each of several namespaces, with a key of its own, and ssh to them. Nothing on the machine is touched: the servers see a
 * home, a run folder and a user list of their own, and OpenSSH is unpacked here if it is not installed, so that no service starts.
 */
export class SshServers {
  readonly #folder = mkdtempSync(path.join(tmpdir(), 'ctfleet-ssh-'));
  readonly #children: ChildProcess[] = [];
  readonly #port: number;

  constructor(server: SshServer, port: number, places: readonly { namespace: string; address: string }[]) {
    this.#port = port;
    execFileSync('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-f', this.#file('key')]);
    const command = server === 'openssh' ? this.#openssh() : this.#dropbear();
    for (const { namespace, address } of places) {
      this.#children.push(
        spawn(
          'ip',
          [
            'netns',
            'exec',
            namespace,
            'unshare',
            '--mount',
            'sh',
            '-c',
            [
              'mount -t tmpfs -o mode=755 none /run && mkdir -m 755 /run/sshd && cp "$1/key.pub" /run/key.pub',
              'mount -t tmpfs -o mode=700 none /root && mkdir -m 700 /root/.ssh && cp /run/key.pub /root/.ssh/authorized_keys',
              `exec ${command(address)}`,
            ].join(' && '),
            'sh',
            this.#folder,
          ],
          { stdio: ['ignore', 'ignore', 'ignore'] },
        ),
      );
    }
  }

  /** Runs a command at one of the addresses, from a namespace, over a connection of its own; returns what it prints. */
  run(from: string, address: string, command: readonly string[]): Promise<string> {
    return new Promise((resolve, reject) => {
      const child = spawnIn(
        from,
        'ssh',
        [
          '-i',
          this.#file('key'),
          '-p',
          String(this.#port),
          '-o',
          'BatchMode=yes',
          '-o',
          'StrictHostKeyChecking=no',
          '-o',
          'UserKnownHostsFile=/dev/null',
          '-o',
          'LogLevel=ERROR',
          `root@${address}`,
          ...command,
        ],
        { stdio: ['ignore', 'pipe', 'inherit'] },
      );
      let text = '';
      child.stdout!.on('data', (chunk: Buffer) => (text += chunk.toString()));
      child.once('error', reject);
      child.once('close', () => resolve(text));
    });
  }

  close(): void {
    for (const child of this.#children) child.kill('SIGKILL');
    rmSync(this.#folder, { recursive: true, force: true });
  }

  #dropbear(): (address: string) => string {
    execFileSync('dropbearkey', ['-t', 'ed25519', '-f', this.#file('host')], { stdio: 'ignore' });
    return (address) => `dropbear -F -s -r ${this.#file('host')} -P /run/pid -p '[${address}]:${this.#port}'`;
  }

  #openssh(): (address: string) => string {
    execFileSync('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-f', this.#file('host')]);
    const root = existsSync(`/${SSHD}`) ? '/' : this.#unpack();
    // It starts only if a user of this name exists, which the package would create.
    const users = readFileSync('/etc/passwd', 'utf8');
    writeFileSync(this.#file('passwd'), users.includes('\nsshd:') ? users : `${users}sshd:x:65533:65534::/run/sshd:/usr/sbin/nologin\n`, {
      mode: 0o644,
    });
    const libraries = LIBRARIES.split(':')
      .map((one) => path.join(root, one))
      .join(':');
    return (address) =>
      `env LD_LIBRARY_PATH=${libraries} sh -c 'mount --bind ${this.#file('passwd')} /etc/passwd && exec ${path.join(root, SSHD)} -D -f /dev/null -h ${this.#file('host')} -o PidFile=none -o MaxStartups=100 -o ListenAddress=[${address}]:${this.#port}'`;
  }

  /** Fetches Debian's packages and unpacks them into our folder; nothing is installed. */
  #unpack(): string {
    const root = this.#file('openssh');
    const apt = (...args: string[]) => spawnSync('apt-get', ['-q', ...args], { cwd: this.#folder, encoding: 'utf8' });
    const download = () => apt('download', 'openssh-server', 'libwrap0');
    let result = download();
    if (result.status !== 0) {
      apt('update');
      result = download();
    }
    if (result.status !== 0)
      throw new Error(
        `there is no /${SSHD}, and apt-get could not fetch openssh-server: ${result.stderr?.trim().split('\n').at(-1) ?? result.error?.message}`,
      );
    execFileSync('sh', ['-c', 'for package in *.deb; do dpkg -x "$package" "$0"; done', root], { cwd: this.#folder });
    return root;
  }

  #file(name: string): string {
    return path.join(this.#folder, name);
  }
}
