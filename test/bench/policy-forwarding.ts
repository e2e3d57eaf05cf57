import { execFile } from 'node:child_process';
import dgram from 'node:dgram';
import { once } from 'node:events';
import path from 'node:path';
import { promisify } from 'node:util';
import type { PolicyDocument } from '../../proto/model/policy/document.ts';
import { tableOf } from '../../agent/policies/applying/change-set.ts';
import { kernelHandsOf } from '../../agent/policies/applying/kernel-hands.ts';
import type { PolicyTable } from '../../agent/policies/policy-table.ts';
import { sparedPackets } from '../../agent/policies/applying/spared.ts';
import { inside, Namespace } from '../support/namespace.ts';

const run = promisify(execFile);
const DATAGRAMS = path.join(import.meta.dirname, '../lab/traffic/datagrams.ts');
const LAN = { gateway: '10.77.1.1', host: '10.77.1.2' };
const WAN = { gateway: '10.77.2.1', host: '10.77.2.2' };
const FIREWALL = `table inet fw {
  chain forward {
    type filter hook forward priority filter
    ct state vmap { invalid : drop, established : accept }
  }
}
`;
/** Counts what floods, and keeps it from costing more; what comes before is answered. */
const SINK = `table inet sink {
  chain arrived {
    type filter hook prerouting priority -400
    ip daddr ${WAN.host} meta length > 100 counter drop
  }
}
`;
/** Guests of the policy's limit, and others. */
const SOURCES = [...Array.from({ length: 8 }, (_, n) => `10.1.0.${n + 1}`), ...Array.from({ length: 8 }, (_, n) => `10.2.0.${n + 1}`)];
/** A trunk's of the policy, and others. */
const PORTS = [5060, 9000, 9001, 9002];

/** A client that floods, a gateway between, and a server that drops what arrives. */
export class ForwardingStage {
  readonly #client = Namespace.create('ctb-client');
  readonly #gateway = Namespace.create('ctb-forward');
  readonly #server = Namespace.create('ctb-server');

  readonly #answering: dgram.Socket[] = [];

  static async build(): Promise<ForwardingStage> {
    const stage = new ForwardingStage();
    try {
      await stage.#build();
    } catch (error) {
      stage.remove();
      throw error;
    }
    return stage;
  }

  async #build(): Promise<void> {
    const [client, gateway, server] = [this.#client, this.#gateway, this.#server];
    for (const [host, device, { gateway: near, host: far }] of [[client, 'lan', LAN] as const, [server, 'wan', WAN] as const]) {
      gateway.run('ip', 'link', 'add', device, 'type', 'veth', 'peer', 'name', 'uplink', 'netns', host.name);
      gateway.run('ip', 'addr', 'add', `${near}/24`, 'dev', device);
      gateway.run('ip', 'link', 'set', device, 'up');
      host.run('ip', 'addr', 'add', `${far}/24`, 'dev', 'uplink');
      host.run('ip', 'link', 'set', 'uplink', 'up');
      host.run('ip', 'route', 'add', 'default', 'via', near);
    }
    for (const source of SOURCES) client.run('ip', 'addr', 'add', `${source}/32`, 'dev', 'uplink');
    for (const net of ['10.1.0.0/16', '10.2.0.0/16']) gateway.run('ip', 'route', 'add', net, 'via', LAN.host);
    gateway.run('sysctl', '-qw', 'net.ipv4.ip_forward=1');
    // A gateway tracks, whatever else it does.
    gateway.nft(FIREWALL);
    server.nft(SINK);
    for (const port of PORTS) this.#answering.push(await inside(server.name, () => answerOn(port)));
  }

  /** Packets a second that come through to the server. */
  async rate(seconds: number): Promise<number> {
    const before = this.#arrived();
    const words = [DATAGRAMS, String(seconds), WAN.host, PORTS.join(), SOURCES.join()];
    const { stdout } = await run('ip', ['netns', 'exec', this.#client.name, process.execPath, ...words]);
    const { seconds: took } = JSON.parse(stdout) as { seconds: number };
    return (this.#arrived() - before) / took;
  }

  async withPolicy<T>(document: PolicyDocument, work: () => Promise<T>): Promise<T> {
    const { rules, timeouts, helpers = [] } = document.spec;
    const spared = sparedPackets({
      own: [LAN.gateway, WAN.gateway],
      controller: { addresses: [WAN.host], port: 4444 },
      sshPorts: [22],
    });
    const replace = (table: PolicyTable | undefined): Promise<void> =>
      inside(this.#gateway.name, () => kernelHandsOf().replaceTable(table));
    await replace(tableOf({ settings: {}, rules, timeouts, helpers }, spared));
    try {
      return await work();
    } finally {
      await replace(undefined);
    }
  }

  async withRules<T>(text: string, work: () => Promise<T>): Promise<T> {
    this.#gateway.nft(text);
    try {
      return await work();
    } finally {
      this.#gateway.nft('delete table inet by_hand');
    }
  }

  remove(): void {
    for (const socket of this.#answering) socket.close();
    for (const namespace of [this.#client, this.#gateway, this.#server]) namespace.remove();
  }

  #arrived(): number {
    return Number(/packets (\d+)/.exec(this.#server.run('nft', 'list', 'table', 'inet', 'sink'))![1]);
  }
}

async function answerOn(port: number): Promise<dgram.Socket> {
  const socket = dgram.createSocket('udp4');
  socket.on('message', (message, from) => socket.send(message, from.port, from.address)).on('error', () => undefined);
  socket.bind(port, WAN.host);
  await once(socket, 'listening');
  return socket;
}
