import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import net, { type Server, type Socket } from 'node:net';
import os from 'node:os';
import path from 'node:path';
import { saveIdentity } from '../../agent/link/identity.ts';
import { spawnIn } from '../lab/namespace.ts';
import { enrol } from './controller-fake-agent.ts';
import type { TestController } from './controller-fleet.ts';
import { inside, Namespace } from './namespace.ts';

const MAIN = path.join(import.meta.dirname, '../../build/agent/main.js');
const PORT = 4444;
/**
 * A firewall whose owner did not think of accounting: with it, packets of new connections to the controller have been counted when they
 * come here, and are dropped. Old connections have no counters.
 */
const TRAP = `table inet owner {
  chain out {
    type filter hook output priority filter
    tcp dport ${PORT} ct original packets > 0 drop
  }
}
`;

/** A gateway in a namespace of its own with the built agent, joined to the controller over one family. */
export class PolicySite {
  readonly namespace: Namespace;
  readonly stateDir = mkdtempSync(path.join(os.tmpdir(), 'ctfleet-policy-site-'));
  gatewayId = '';
  #agent: ChildProcess | undefined;

  constructor(namespace: Namespace) {
    this.namespace = namespace;
    namespace.nft(TRAP);
    // A rule that asks for counters switches accounting on.
    namespace.sysctl('net.netfilter.nf_conntrack_acct', 0);
  }

  async join(controller: TestController, name: string, joinToken: string, linkAddress: string): Promise<void> {
    const { response, key, ca } = await enrol(controller.enrolAddress, controller.root, joinToken);
    this.gatewayId = response.gatewayId;
    const certificate = Buffer.from(response.certificatePem).toString();
    saveIdentity(this.stateDir, { gatewayId: this.gatewayId, gatewayName: name, linkAddress, key, certificate, ca });
  }

  start(): void {
    const env = { ...process.env, CTFLEET_STATE_DIR: this.stateDir, CTFLEET_LOG_LEVEL: process.env.CTFLEET_TEST_LOG ?? 'silent' };
    this.#agent = spawnIn(this.namespace.name, process.execPath, [MAIN, 'run'], { stdio: ['ignore', 'inherit', 'inherit'], env });
  }

  async end(signal: NodeJS.Signals = 'SIGTERM'): Promise<void> {
    const agent = this.#agent;
    this.#agent = undefined;
    if (!agent || agent.exitCode !== null || !agent.kill(signal)) return;
    await once(agent, 'exit');
  }

  setting(name: string): number {
    return Number(this.namespace.run('sysctl', '-n', `net.netfilter.nf_conntrack_${name}`));
  }

  /** What our table has, as nft lists it; empty where it is not there. */
  table(): string {
    try {
      return this.namespace.run('nft', 'list', 'table', 'inet', 'ctfleet_policy');
    } catch {
      return '';
    }
  }
}

/** Gateways around a namespace at which they reach the controller, whose listener is in this process’s own. */
export class PolicySites {
  readonly sites: PolicySite[] = [];
  readonly #middle: Namespace;
  readonly #prefix: string;
  readonly #sockets = new Set<Socket>();
  #server: Server | undefined;

  constructor(prefix: string) {
    this.#prefix = prefix;
    this.#middle = Namespace.create(`${prefix}-ctl`);
  }

  /** Has connections of the gateways go on to the controller. */
  async serve(controller: TestController): Promise<void> {
    const [host, port] = controller.linkAddress.split(':') as [string, string];
    const server = net.createServer((near) => {
      const far = net.connect(Number(port), host);
      for (const [one, other] of [[near, far] as const, [far, near] as const]) {
        this.#sockets.add(one);
        one.on('error', () => other.destroy()).once('close', () => this.#sockets.delete(one));
        one.pipe(other);
      }
    });
    this.#server = server;
    await inside(this.#middle.name, () => new Promise<void>((resolve) => void server.listen(PORT, '::', resolve)));
  }

  /** One more gateway; returns the address at which it reaches the controller. */
  add(family: 4 | 6): { site: PolicySite; linkAddress: string } {
    const n = this.sites.length + 1;
    const namespace = Namespace.create(`${this.#prefix}-${n}`);
    const site = new PolicySite(namespace);
    this.sites.push(site);
    namespace.run('ip', 'link', 'add', 'wan', 'type', 'veth', 'peer', 'name', `gw${n}`, 'netns', this.#middle.name);
    for (const [at, device, end] of [[namespace, 'wan', 1] as const, [this.#middle, `gw${n}`, 2] as const]) {
      if (family === 4) at.run('ip', 'addr', 'add', `10.77.${n}.${end}/24`, 'dev', device);
      else at.run('ip', 'addr', 'add', `fd77:${n}::${end}/64`, 'dev', device, 'nodad');
      at.run('ip', 'link', 'set', device, 'up');
    }
    return { site, linkAddress: family === 4 ? `10.77.${n}.2:${PORT}` : `[fd77:${n}::2]:${PORT}` };
  }

  async end(): Promise<void> {
    for (const site of this.sites) {
      await site.end();
      site.namespace.remove();
      rmSync(site.stateDir, { recursive: true, force: true });
    }
    this.#sockets.forEach((socket) => socket.destroy());
    this.#server?.close();
    this.#middle.remove();
  }
}
