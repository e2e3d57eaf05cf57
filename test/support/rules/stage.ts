import { execFileSync } from 'node:child_process';
import { closeSync, readSync, writeSync } from 'node:fs';
import koffi from 'koffi';
import { formatAddress } from '../../../proto/model/address.ts';
import { CT_DELETE, CT_GET, CT_NEW } from '../../../agent/conntrack/wire/constants.ts';
import { decodeEntry, type Entry } from '../../../agent/conntrack/wire/entry.ts';
import { encodeLookup } from '../../../agent/conntrack/wire/requests.ts';
import { AttributeReader, AttributeWriter, hostU16, setHostU16, setHostU32 } from '../../../agent/netlink/attributes.ts';
import { HOST_IS_LITTLE_ENDIAN, NETLINK_NETFILTER, NLM_F_ACK, NLM_F_REQUEST, NLMSG_ERROR } from '../../../agent/netlink/constants.ts';
import { encodeMessage, readMessages, readVerdict } from '../../../agent/netlink/message.ts';
import { NetlinkSocket } from '../../../agent/netlink/socket.ts';
import { keepThreadOn, threadCpus } from '../../../agent/netlink/thread-cpus.ts';
import { enterNamespace } from '../namespace.ts';
import { decodePacket, encodePacket, ICMP_ID, type TestPacket } from './frame.ts';

const libc = koffi.load(null);
const socket = libc.func('int socket(int, int, int)');
const bind = libc.func('int bind(int, const void *, unsigned int)');
const sendto = libc.func('long sendto(int, const void *, size_t, int, const void *, unsigned int)');
const poll = libc.func('int poll(const void *, unsigned long, int)');
const [AF_PACKET, AF_INET, AF_INET6, SOCK_RAW, SOCK_NONBLOCK, IPPROTO_RAW, ETH_P_ALL, ETH_P_ARP] = [17, 2, 10, 3, 0o4000, 255, 3, 0x0806];

/** The interfaces of the gateway that the rules are tried on. */
export const DEVICES = ['lan', 'wan1', 'wan2', 'docker0'] as const;
export type Device = (typeof DEVICES)[number];
export const ADDRESSES: Record<Device, string[]> = {
  lan: ['10.0.0.1/24', 'fd00:1::1/64'],
  wan1: ['198.18.0.2/24', '2001:db8:1::2/64'],
  wan2: ['198.19.0.2/24', '2001:db8:2::2/64'],
  docker0: ['172.17.0.1/16', 'fd00:17::1/64'],
};
const OWN_MAC = '02:00:00:00:00:01';
const PEER_MAC = '02:00:00:00:00:02';
const GATEWAY_OF: Partial<Record<Device, string[]>> = { wan1: ['198.18.0.1', '2001:db8:1::1'], wan2: ['198.19.0.1', '2001:db8:2::1'] };
const HOSTS: Partial<Record<Device, string[]>> = {
  lan: ['10.0.0.5', '10.0.0.6', '10.0.0.9', 'fd00:1::5', 'fd00:1::6', 'fd00:1::9'],
  docker0: ['172.17.0.2', '172.17.0.3', 'fd00:17::2', 'fd00:17::3'],
};
const GROUP = 77;
/** Closer to the start and end of a hook than the rules under test. */
const [FIRST, LAST] = [-2_147_483_000, 2_147_483_000];
const WATCH = `
table inet ctw_watch {
${(['prerouting', 'input', 'forward', 'output', 'postrouting'] as const)
  .flatMap((hook) =>
    [
      ['first', FIRST],
      ['last', LAST],
    ].map(
      ([place, priority]) =>
        `  chain ${hook}_${place} { type filter hook ${hook} priority ${priority}; ${place === 'last' ? `ct state untracked log prefix "${hook} untracked" group ${GROUP}; ` : ''}log prefix "${hook} ${place}" group ${GROUP}; }`,
    ),
  )
  .join('\n')}
}
`;

/** What the gateway's own watch has seen of a packet at the start or end of a hook, and whether it was untracked. */
export interface Seen {
  hook: string;
  place: 'first' | 'last' | 'untracked';
  mark: number;
  in?: string;
  out?: string;
  packet: TestPacket;
}
/** Everything that happened to a packet: where it was seen within the gateway, and what left its interfaces. */
export interface Fate {
  seen: Seen[];
  out: { device: Device; packet: TestPacket }[];
}

/**
 * A gateway with a LAN, two WANs (tables 101 and 102 have a default route by each) and a bridge of containers. Its interfaces end in
 * sockets of this process, so that each packet is sent and seen without waiting.
 */
export class RuleStage {
  readonly gateway: string;
  readonly peers: string;
  readonly #sockets = new Map<Device, number>();
  readonly #own = new Map<4 | 6, number>();
  readonly #names = new Map<number, string>();
  #log: NetlinkSocket | undefined;
  #areRoutesChanged = true;
  readonly #cpus = threadCpus();

  constructor(prefix: string) {
    this.gateway = `${prefix}-gw-${process.pid}`;
    this.peers = `${prefix}-peers-${process.pid}`;
    execFileSync('ip', ['netns', 'add', this.gateway]);
    try {
      execFileSync('ip', ['netns', 'add', this.peers]);
      this.#build();
      this.#open();
    } catch (error) {
      this.remove();
      throw error;
    }
  }

  /** Runs a program in the gateway. */
  run(program: string, args: string[], input = ''): string {
    return execFileSync('ip', ['netns', 'exec', this.gateway, program, ...args], {
      input,
      encoding: 'utf8',
      stdio: ['pipe', 'pipe', 'pipe'],
    });
  }

  /** Removes all rules, policy routes and flows, and restores the watch. */
  reset(): void {
    this.run('nft', ['-f', '-'], `flush ruleset\n${WATCH}`);
    this.forget();
    if (!this.#areRoutesChanged) return;
    this.#areRoutesChanged = false;
    for (const family of ['-4', '-6'])
      this.run(
        'ip',
        [family, '-batch', '-'],
        ['rule flush', 'rule add pref 32766 lookup main', 'rule add pref 32767 lookup default'].join('\n'),
      );
    for (const [table, four, six, device] of [
      [101, '198.18.0.1', '2001:db8:1::1', 'wan1'],
      [102, '198.19.0.1', '2001:db8:2::1', 'wan2'],
    ]) {
      this.run('ip', ['-4', 'route', 'replace', 'default', 'via', String(four), 'dev', String(device), 'table', String(table)]);
      this.run('ip', ['-6', 'route', 'replace', 'default', 'via', String(six), 'dev', String(device), 'table', String(table)]);
    }
  }

  /** Adds policy routes, until the next reset. */
  route(commands: string): void {
    this.#areRoutesChanged = true;
    this.run('ip', ['-batch', '-'], commands);
  }

  /** Removes all flows. */
  forget(): void {
    // A delete that names no flow deletes all flows of the namespace; it is done when the write returns.
    this.#log!.send(encodeMessage({ type: CT_DELETE, flags: NLM_F_REQUEST, seq: this.#log!.nextSeq(), body: new Uint8Array(4) }));
  }

  /** The entry that a packet has begun; an untracked packet has none. */
  entry({ family, proto, src, dst, sport, dport, icmpType }: TestPacket): Entry | undefined {
    const orig = {
      src: formatAddress(src),
      dst: formatAddress(dst),
      ...(icmpType === undefined ? { sport: sport ?? 0, dport: dport ?? 0 } : { icmp: { type: icmpType, code: 0, id: ICMP_ID } }),
    };
    const seq = this.#log!.nextSeq();
    this.#log!.send(encodeMessage({ type: CT_GET, flags: NLM_F_REQUEST, seq, body: encodeLookup({ family, proto, orig, zone: 0 }) }));
    const block = new Uint8Array(8192);
    // What the kernel itself sends, such as reports of multicast listeners, may be logged between question and answer.
    for (let length = this.#log!.receive(block); length !== undefined; length = this.#log!.receive(block)) {
      const answer = [...readMessages(block.subarray(0, length))].find((message) => message.seq === seq);
      if (answer) return answer.type === CT_NEW ? decodeEntry(answer.body.slice()) : undefined;
    }
    return undefined;
  }

  /** Runs something in the gateway's network namespace. */
  within<T>(work: () => T): T {
    const leave = enterNamespace(this.gateway);
    try {
      return work();
    } finally {
      leave();
    }
  }

  /** Sends a packet in by an interface, or as one of the gateway's own, and returns what became of it. */
  send(from: Device | 'own', packet: TestPacket): Fate {
    this.#drain();
    const bytes = encodePacket(packet);
    // Each CPU has a line of its own.
    if (this.#cpus) keepThreadOn(firstOf(this.#cpus));
    if (from === 'own') {
      const address = packet.family === 4 ? new Uint8Array(16) : new Uint8Array(28);
      setHostU16(address, 0, packet.family === 4 ? AF_INET : AF_INET6);
      address.set(packet.dst, packet.family === 4 ? 4 : 8);
      // The kernel may report that the rules refuse it.
      sendto(this.#own.get(packet.family)!, bytes, bytes.length, 0, address, address.length);
    } else this.#write(from, packet.family === 4 ? 0x0800 : 0x86dd, bytes);
    // Once this question is answered, everything that came in before it has been dealt with: packets are queued in order.
    this.#write('lan', ETH_P_ARP, arpQuestion());
    if (this.#cpus) keepThreadOn(this.#cpus);
    return this.#collect();
  }

  remove(): void {
    for (const fd of [...this.#sockets.values(), ...this.#own.values()]) closeSync(fd);
    this.#log?.close();
    for (const name of [this.gateway, this.peers]) {
      try {
        execFileSync('ip', ['netns', 'del', name], { stdio: 'ignore' });
      } catch {
        // It was not created.
      }
    }
  }

  #build(): void {
    const commands: string[] = ['link set lo up'];
    for (const device of DEVICES) {
      commands.push(
        `link add ${device} address ${OWN_MAC} type veth peer name ${device} address ${PEER_MAC} netns ${this.peers}`,
        `link set ${device} up`,
      );
      for (const address of ADDRESSES[device]) commands.push(`addr add ${address} dev ${device}${address.includes(':') ? ' nodad' : ''}`);
      for (const host of [...(GATEWAY_OF[device] ?? []), ...(HOSTS[device] ?? [])])
        commands.push(`neigh add ${host} lladdr ${PEER_MAC} nud permanent dev ${device}`);
    }
    execFileSync('ip', [
      'netns',
      'exec',
      this.peers,
      'sh',
      '-c',
      'sysctl -qw net.ipv6.conf.all.disable_ipv6=1 net.ipv6.conf.default.disable_ipv6=1',
    ]);
    this.run('sysctl', [
      '-qw',
      'net.ipv4.ip_forward=1',
      'net.ipv6.conf.all.forwarding=1',
      'net.ipv4.conf.all.rp_filter=0',
      'net.ipv4.conf.default.rp_filter=0',
      'net.ipv4.icmp_ratelimit=0',
      'net.ipv6.icmp.ratelimit=0',
      'net.ipv6.conf.default.accept_dad=0',
      'net.ipv4.conf.all.accept_local=1',
      'net.ipv4.conf.all.send_redirects=0',
      'net.ipv4.conf.default.send_redirects=0',
    ]);
    this.run('ip', ['-batch', '-'], commands.join('\n'));
    this.run(
      'ip',
      ['-batch', '-'],
      ['route add default via 198.18.0.1 dev wan1 metric 10', 'route add default via 198.19.0.1 dev wan2 metric 20'].join('\n'),
    );
    this.run(
      'ip',
      ['-6', '-batch', '-'],
      ['route add default via 2001:db8:1::1 dev wan1 metric 10', 'route add default via 2001:db8:2::1 dev wan2 metric 20'].join('\n'),
    );
    execFileSync('ip', ['netns', 'exec', this.peers, 'sh', '-c', DEVICES.map((device) => `ip link set ${device} up arp off`).join(' && ')]);
    for (const line of this.run('ip', ['-o', 'link']).split('\n')) {
      const [, index, name] = /^(\d+): ([^:@]+)/.exec(line) ?? [];
      if (index) this.#names.set(Number(index), name!);
    }
    this.run('nft', ['-f', '-'], WATCH);
  }

  #open(): void {
    const leave = enterNamespace(this.peers);
    try {
      const indexes = execFileSync('ip', ['netns', 'exec', this.peers, 'ip', '-o', 'link'], { encoding: 'utf8' });
      for (const device of DEVICES) {
        const index = Number(new RegExp(`^(\\d+): ${device}@`, 'm').exec(indexes)![1]);
        const fd = opened(socket(AF_PACKET, SOCK_RAW | SOCK_NONBLOCK, networkShort(ETH_P_ALL)) as number);
        const address = new Uint8Array(20); // struct sockaddr_ll
        setHostU16(address, 0, AF_PACKET);
        address.set([0, ETH_P_ALL], 2);
        setHostU32(address, 4, index);
        if (bind(fd, address, address.length) !== 0) throw new Error(`cannot bind to ${device}: errno ${koffi.errno()}`);
        this.#sockets.set(device, fd);
      }
    } finally {
      leave();
    }
    this.within(() => {
      this.#own.set(4, opened(socket(AF_INET, SOCK_RAW | SOCK_NONBLOCK, IPPROTO_RAW) as number));
      this.#own.set(6, opened(socket(AF_INET6, SOCK_RAW | SOCK_NONBLOCK, IPPROTO_RAW) as number));
      this.#log = openLog();
    });
  }

  #write(device: Device, type: number, body: Uint8Array): void {
    const frame = new Uint8Array(14 + body.length);
    frame.set([2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2, type >> 8, type & 0xff]);
    frame.set(body, 14);
    writeSync(this.#sockets.get(device)!, frame);
  }

  #collect(): Fate {
    const fate: Fate = { seen: [], out: [] };
    for (let tries = 0; tries < 200; tries++) {
      let isAnswered = false;
      for (const device of DEVICES) {
        for (let frame = this.#read(device); frame; frame = this.#read(device)) {
          if (isOwn(frame)) continue;
          const type = (frame[12]! << 8) | frame[13]!;
          if (type === ETH_P_ARP) isAnswered ||= device === 'lan';
          else if (type === 0x0800 || type === 0x86dd) fate.out.push({ device, packet: decodePacket(frame.subarray(14)) });
        }
      }
      if (isAnswered) {
        for (const device of DEVICES)
          for (let frame = this.#read(device); frame; frame = this.#read(device))
            if (!isOwn(frame) && ((frame[12] === 8 && frame[13] === 0) || frame[12] === 0x86))
              fate.out.push({ device, packet: decodePacket(frame.subarray(14)) });
        fate.seen = this.#logged();
        return fate;
      }
      wait(this.#sockets.get('lan')!);
    }
    throw new Error('the gateway does not answer');
  }

  #drain(): void {
    for (const device of DEVICES) while (this.#read(device));
    this.#logged();
  }

  #read(device: Device): Uint8Array | undefined {
    try {
      const block = new Uint8Array(2048);
      return block.subarray(0, readSync(this.#sockets.get(device)!, block, 0, block.length, null));
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'EAGAIN') return undefined;
      throw error;
    }
  }

  #logged(): Seen[] {
    const seen: Seen[] = [];
    const block = new Uint8Array(65_536);
    while (this.#log!.hasMessages()) {
      const length = this.#log!.receive(block);
      if (length === undefined) break;
      for (const { type, body } of readMessages(block.subarray(0, length))) {
        if (type !== NFULNL_PACKET) continue;
        const one = { mark: 0 } as Seen;
        const attributes = new AttributeReader(body, {}, 4);
        while (attributes.next()) {
          if (attributes.type === NFULA.MARK) one.mark = attributes.u32();
          else if (attributes.type === NFULA.IN) one.in = this.#names.get(attributes.u32());
          else if (attributes.type === NFULA.OUT) one.out = this.#names.get(attributes.u32());
          else if (attributes.type === NFULA.PAYLOAD) one.packet = decodePacket(attributes.bytes());
          else if (attributes.type === NFULA.PREFIX) [one.hook, one.place] = attributes.text().split(' ') as [string, Seen['place']];
        }
        seen.push(one);
      }
    }
    return seen;
  }
}

const NFULNL_PACKET = 4 << 8;
const NFULNL_CONFIG = (4 << 8) | 1;
const NFULA = { MARK: 2, IN: 4, OUT: 5, PAYLOAD: 9, PREFIX: 10 } as const;

function openLog(): NetlinkSocket {
  const log = new NetlinkSocket(NETLINK_NETFILTER, { receiveBuffer: 1 << 22, sendBuffer: 1 << 16 });
  const body = new AttributeWriter();
  body.raw(Uint8Array.of(0, 0, GROUP >> 8, GROUP));
  body.u8(1, 1); // NFULA_CFG_CMD: bind
  body.bytes(2, Uint8Array.of(0, 0, 0xff, 0xff, 2, 0)); // NFULA_CFG_MODE: whole packets
  body.u32(5, 1); // NFULA_CFG_QTHRESH: each at once
  log.send(encodeMessage({ type: NFULNL_CONFIG, flags: NLM_F_REQUEST | NLM_F_ACK, seq: log.nextSeq(), body: body.finish() }));
  const block = new Uint8Array(4096);
  const length = log.receive(block);
  for (const message of readMessages(block.subarray(0, length ?? 0))) {
    if (message.type === NLMSG_ERROR && readVerdict(message).errno !== 0)
      throw new Error(`packets cannot be logged: errno ${readVerdict(message).errno}`);
  }
  return log;
}

function firstOf(cpus: Uint8Array): Uint8Array {
  const at = cpus.findIndex((byte) => byte !== 0);
  return cpus.map((byte, n) => (n === at ? byte & -byte : 0));
}

function isOwn(frame: Uint8Array): boolean {
  return frame[6] === 2 && frame[11] === 2; // sent by a peer
}

/** Who has the gateway's address in the LAN? */
function arpQuestion(): Uint8Array {
  return Uint8Array.of(0, 1, 8, 0, 6, 4, 0, 1, 2, 0, 0, 0, 0, 2, 10, 0, 0, 250, 0, 0, 0, 0, 0, 0, 10, 0, 0, 1);
}

function wait(fd: number): void {
  const waited = new Uint8Array(8);
  setHostU32(waited, 0, fd);
  setHostU16(waited, 4, 1);
  poll(waited, 1, 20);
}

function opened(fd: number): number {
  if (fd < 0) throw new Error(`cannot open a socket: errno ${koffi.errno()}`);
  return fd;
}

function networkShort(value: number): number {
  return HOST_IS_LITTLE_ENDIAN ? hostU16(Uint8Array.of(value >> 8, value), 0) : value;
}
