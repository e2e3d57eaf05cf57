import { execFileSync } from 'node:child_process';
import { closeSync, openSync } from 'node:fs';
import koffi from 'koffi';

const libc = koffi.load(null);
const setns = libc.func('int setns(int, int)');
const CLONE_NEWNET = 0x40000000;

const TRACKED = `
table inet tracked {
  chain outgoing {
    type filter hook output priority filter
    ct state new accept
    ct mark 0xdead ct label set 1
  }
}
`;

let made = 0;

/** A network namespace of its own for a test or benchmark. Needs root; if it cannot be made, `why` says so. */
export class Namespace {
  readonly name: string;

  private constructor(name: string) {
    this.name = name;
  }

  /** Makes one with loopback up and a rule that makes the kernel track its traffic. `prefix` separates tests that run at the same time. */
  static create(prefix: string): Namespace {
    return Namespace.named(`${prefix}-${process.pid}-${++made}`);
  }

  /** One of this name, as `create` makes it; for one that is built again. */
  static named(name: string): Namespace {
    const namespace = new Namespace(name);
    execFileSync('ip', ['netns', 'add', namespace.name]);
    try {
      namespace.run('ip', 'link', 'set', 'lo', 'up');
      // The tracker sleeps in a namespace until a rule needs it; a rule that sets a label makes room for labels.
      namespace.nft(TRACKED);
      namespace.sysctl('net.netfilter.nf_conntrack_acct', 1);
      namespace.sysctl('net.netfilter.nf_conntrack_timestamp', 1);
    } catch (error) {
      namespace.remove();
      throw error;
    }
    return namespace;
  }

  /** One with a route for 198.18.0.0/15, the range for benchmarks, to an interface where packets vanish. */
  static createWithSink(prefix: string): Namespace {
    const namespace = Namespace.create(prefix);
    try {
      namespace.run(
        'sh',
        '-c',
        'ip link add sink type veth peer name hole && ip link set sink arp off up && ip link set hole up && ip addr add 10.9.0.1/32 dev sink && ip route add 198.18.0.0/15 dev sink src 10.9.0.1',
      );
      namespace.nft('table inet hole { chain arriving { type filter hook prerouting priority raw - 1; iifname "hole" drop; }; }');
    } catch (error) {
      namespace.remove();
      throw error;
    }
    return namespace;
  }

  /** Why no namespace can be made here; undefined if one can. */
  static why(): string | undefined {
    try {
      execFileSync('conntrack', ['--version'], { stdio: 'ignore' });
      Namespace.create('ct-probe').remove();
      return undefined;
    } catch (error) {
      return `network namespaces with conntrack are not to be had here: ${error instanceof Error ? error.message.split('\n')[0] : String(error)}`;
    }
  }

  run(program: string, ...args: string[]): string {
    return execFileSync('ip', ['netns', 'exec', this.name, program, ...args], {
      encoding: 'utf8',
      maxBuffer: 1 << 30,
      stdio: ['ignore', 'pipe', 'pipe'],
    });
  }

  nft(rules: string): void {
    execFileSync('ip', ['netns', 'exec', this.name, 'nft', '-f', '-'], { input: rules, stdio: ['pipe', 'ignore', 'pipe'] });
  }

  sysctl(name: string, value: string | number): void {
    this.run('sysctl', '-qw', `${name}=${value}`);
  }

  /** Moves the calling thread into it; see enterNamespace. */
  enter(): () => void {
    return enterNamespace(this.name);
  }

  remove(): void {
    execFileSync('ip', ['netns', 'del', this.name]);
  }
}

/**
 * Moves the calling thread into a named namespace; threads and processes that it starts afterwards are born there. Returns how to come
 * back. Only the network changes, and only for this thread: /proc/net is still that of the process.
 */
export function enterNamespace(name: string): () => void {
  const before = openSync('/proc/thread-self/ns/net', 'r');
  moveTo(`/run/netns/${name}`);
  return () => {
    if (setns(before, CLONE_NEWNET) !== 0) throw new Error(`cannot leave ${name}: errno ${koffi.errno()}`);
    closeSync(before);
  };
}

/** Makes something in a namespace: a socket belongs to the one that its thread is in when it is bound or connected. */
export async function inside<T>(namespace: string, make: () => Promise<T>): Promise<T> {
  const leave = enterNamespace(namespace);
  try {
    return await make();
  } finally {
    leave();
  }
}

function moveTo(path: string): void {
  const fd = openSync(path, 'r');
  try {
    if (setns(fd, CLONE_NEWNET) !== 0) throw new Error(`cannot enter ${path}: errno ${koffi.errno()}`);
  } finally {
    closeSync(fd);
  }
}
