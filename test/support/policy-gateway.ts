import { mkdtempSync, rmSync } from 'node:fs';
import net, { type AddressInfo, type Server, type Socket } from 'node:net';
import os from 'node:os';
import path from 'node:path';
import { Disk } from '../../agent/disk/disk.ts';
import { ChangeFolder } from '../../agent/policies/applying/change-folder.ts';
import { deadManOf } from '../../agent/policies/applying/dead-man.ts';
import { kernelHandsOf } from '../../agent/policies/applying/kernel-hands.ts';
import { PolicyChanges } from '../../agent/policies/applying/policy-changes.ts';
import { networkNamespace } from '../../agent/policies/network-namespace.ts';
import { ownIdentity } from '../../agent/policies/applying/process-identity.ts';
import { sparedPackets } from '../../agent/policies/applying/spared.ts';
import { readActual } from '../../agent/policies/reading/read-actual.ts';
import { bootClock } from '../../agent/time/boot-clock.ts';
import { inside, Namespace } from './namespace.ts';

/** A gateway and somebody beside it, who is both its controller and its administrator. */
export const ENDS = { 4: { gateway: '10.77.0.1', peer: '10.77.0.2' }, 6: { gateway: 'fd77::1', peer: 'fd77::2' } } as const;
export type Family = keyof typeof ENDS;
/** The gateway serves the first two; the peer the last. */
export const PORTS = { ssh: 22, other: 8080, controller: 4444 } as const;
/** A firewall that lets in what belongs to a connection that it has seen begin, and nothing else. */
export const FIREWALL = `table inet gw {
  chain input {
    type filter hook input priority filter; policy drop;
    ct state established,related accept
    ct state new tcp dport { ${PORTS.ssh}, ${PORTS.other} } accept
    meta l4proto ipv6-icmp accept
  }
}
`;
const PATIENCE_MS = 700;

/** The calling thread is in the gateway until `end`. */
export class PolicyGateway {
  readonly gateway: Namespace;
  readonly peer: Namespace;
  readonly changes: PolicyChanges;
  readonly kernel = kernelHandsOf();
  readonly folder: ChangeFolder;
  readonly stateDir = mkdtempSync(path.join(os.tmpdir(), 'ctfleet-policy-gateway-'));
  readonly #servers: Server[] = [];
  readonly #sockets = new Set<Socket>();
  #leave = (): void => undefined;

  private constructor(prefix: string) {
    this.gateway = Namespace.create(prefix);
    this.peer = Namespace.create(`${prefix}-peer`);
    this.folder = new ChangeFolder(this.stateDir, new Disk());
    this.changes = new PolicyChanges({
      folder: this.folder,
      kernel: this.kernel,
      policies: { read: async () => readActual() },
      deadMan: deadManOf(this.stateDir, bootClock),
      clock: bootClock,
      now: Date.now,
      spared: async () =>
        sparedPackets({
          own: [ENDS[4].gateway, ENDS[6].gateway],
          controller: { addresses: [ENDS[4].peer, ENDS[6].peer], port: PORTS.controller },
          sshPorts: [PORTS.ssh],
        }),
      process: ownIdentity,
      namespace: networkNamespace,
      endUnmet: async () => ({ ended: 0, left: 0 }),
    });
  }

  static async start(prefix: string): Promise<PolicyGateway> {
    const stage = new PolicyGateway(prefix);
    try {
      await stage.#build();
    } catch (error) {
      await stage.end();
      throw error;
    }
    return stage;
  }

  async #build(): Promise<void> {
    const { gateway, peer } = this;
    gateway.run('ip', 'link', 'add', 'lan', 'type', 'veth', 'peer', 'name', 'uplink', 'netns', peer.name);
    for (const [namespace, device, end] of [[gateway, 'lan', 'gateway'] as const, [peer, 'uplink', 'peer'] as const]) {
      namespace.run('ip', 'addr', 'add', `${ENDS[4][end]}/24`, 'dev', device);
      namespace.run('ip', 'addr', 'add', `${ENDS[6][end]}/64`, 'dev', device, 'nodad');
      namespace.run('ip', 'link', 'set', device, 'up');
    }
    gateway.nft(FIREWALL);
    for (const port of [PORTS.ssh, PORTS.other]) await this.#serve(gateway.name, port);
    await this.#serve(peer.name, PORTS.controller);
    this.#leave = gateway.enter();
  }

  /** Opens a connection; undefined if that does not come about. `to`: which service. */
  async connect(to: keyof typeof PORTS, family: Family): Promise<Socket | undefined> {
    const [from, host] = to === 'controller' ? [this.gateway, ENDS[family].peer] : [this.peer, ENDS[family].gateway];
    return inside(from.name, async () => {
      const socket = net.connect({ host, port: PORTS[to] });
      this.#sockets.add(socket);
      return new Promise<Socket | undefined>((resolve) => {
        const timer = setTimeout(() => socket.destroy(), PATIENCE_MS);
        socket.once('connect', () => resolve(socket));
        socket.on('error', () => undefined);
        socket.once('close', () => resolve(undefined));
        for (const end of ['connect', 'close']) socket.once(end, () => clearTimeout(timer));
      });
    });
  }

  /** True if what is sent comes back. */
  async speaks(socket: Socket): Promise<boolean> {
    return new Promise((resolve) => {
      const timer = setTimeout(() => resolve(false), PATIENCE_MS);
      socket.once('data', () => {
        clearTimeout(timer);
        resolve(true);
      });
      socket.write('hello\n');
    });
  }

  /** Ends all connections, so that none counts for a limit. */
  hangUp(): void {
    for (const socket of this.#sockets) socket.resetAndDestroy();
    this.#sockets.clear();
  }

  async end(): Promise<void> {
    this.hangUp();
    for (const server of this.#servers) server.close();
    this.#leave();
    this.gateway.remove();
    this.peer.remove();
    rmSync(this.stateDir, { recursive: true, force: true });
  }

  async #serve(namespace: string, port: number): Promise<AddressInfo> {
    const server = net.createServer((socket) => {
      this.#sockets.add(socket);
      socket.on('error', () => undefined).pipe(socket);
    });
    this.#servers.push(server);
    await inside(namespace, () => new Promise<void>((resolve) => void server.listen(port, '::', resolve)));
    return server.address() as AddressInfo;
  }
}
