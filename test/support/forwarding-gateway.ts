import { mkdtempSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { KernelTable } from '../../agent/conntrack/kernel/kernel-table.ts';
import { Disk } from '../../agent/disk/disk.ts';
import { ChangeFolder } from '../../agent/policies/applying/change-folder.ts';
import { deadManOf } from '../../agent/policies/applying/dead-man.ts';
import { endUnmet } from '../../agent/policies/applying/end-unmet.ts';
import { kernelHandsOf } from '../../agent/policies/applying/kernel-hands.ts';
import { PolicyChanges } from '../../agent/policies/applying/policy-changes.ts';
import { networkNamespace } from '../../agent/policies/network-namespace.ts';
import { ownIdentity } from '../../agent/policies/applying/process-identity.ts';
import { plannedEffects, type PlannedEffects } from '../../agent/policies/effects/plan-effects.ts';
import { OwnTable } from '../../agent/policies/own-table.ts';
import { readActual } from '../../agent/policies/reading/read-actual.ts';
import { rulesIn } from '../../agent/policies/rules-in.ts';
import { bootClock } from '../../agent/time/boot-clock.ts';
import type { Flow } from '../../proto/model/flow.ts';
import type { PolicyDocument } from '../../proto/model/policy/document.ts';
import { filterOf } from './filter-of.ts';
import { Namespace } from './namespace.ts';
import { SpokenFlow, type Kind } from './spoken-flows.ts';
import { until } from './until.ts';

const QUIET_LOOKS = 3;

/** A client, a gateway that forwards (and masquerades IPv4), and a server. */
export const PLACES = {
  4: { client: '10.81.0.2', lan: '10.81.0.1', wan: '198.51.100.1', server: '198.51.100.2' },
  6: { client: 'fd81::2', lan: 'fd81::1', wan: '2001:db8:81::1', server: '2001:db8:81::2' },
} as const;
export type Family = keyof typeof PLACES;
const CONTEXT = { wans: [], protections: [] };
/** Counts TCP by the server's port, both ways, before any rule of a policy and after all of them. */
const watch = (ports: readonly number[]): string => `table inet watch {
${ports.map((port) => `  counter before_${port} { }\n  counter after_${port} { }`).join('\n')}
${counting('before', -200, ports)}
${counting('after', 200, ports)}
}
table ip masquerading { chain leaving { type nat hook postrouting priority srcnat; oifname "wan" masquerade; }; }
`;

function counting(when: string, priority: number, ports: readonly number[]): string {
  const rules = ports.flatMap((port) => ['dport', 'sport'].map((end) => `    tcp ${end} ${port} counter name ${when}_${port}`));
  return `  chain ${when} {\n    type filter hook forward priority ${priority}\n${rules.join('\n')}\n  }`;
}

/** The calling thread is in the gateway until `end`. */
export class ForwardingGateway {
  readonly gateway: Namespace;
  readonly client: Namespace;
  readonly server: Namespace;
  readonly changes: PolicyChanges;
  readonly folder: ChangeFolder;
  /** Of the gateway. */
  readonly table: KernelTable;
  readonly #stateDir = mkdtempSync(path.join(os.tmpdir(), 'ctfleet-forwarding-'));
  readonly #flows: SpokenFlow[] = [];
  readonly #leave: () => void;
  readonly #own = Object.values(PLACES).flatMap(({ lan, wan }) => [lan, wan]);

  private constructor(prefix: string, ports: readonly number[]) {
    [this.gateway, this.client, this.server] = [prefix, `${prefix}-c`, `${prefix}-s`].map((name) => Namespace.create(name)) as [
      Namespace,
      Namespace,
      Namespace,
    ];
    const { gateway, client, server } = this;
    gateway.run('ip', 'link', 'add', 'lan', 'type', 'veth', 'peer', 'name', 'eth0', 'netns', client.name);
    gateway.run('ip', 'link', 'add', 'wan', 'type', 'veth', 'peer', 'name', 'eth0', 'netns', server.name);
    const sides = [
      [gateway, 'lan', 'lan'] as const,
      [gateway, 'wan', 'wan'] as const,
      [client, 'eth0', 'client'] as const,
      [server, 'eth0', 'server'] as const,
    ];
    for (const [namespace, device, place] of sides) {
      namespace.run('ip', 'addr', 'add', `${PLACES[4][place]}/24`, 'dev', device);
      namespace.run('ip', 'addr', 'add', `${PLACES[6][place]}/64`, 'dev', device, 'nodad');
      namespace.run('ip', 'link', 'set', device, 'up');
    }
    for (const [namespace, by] of [[client, 'lan'] as const, [server, 'wan'] as const]) {
      namespace.run('ip', 'route', 'add', 'default', 'via', PLACES[4][by]);
      namespace.run('ip', 'route', 'add', 'default', 'via', PLACES[6][by]);
    }
    gateway.sysctl('net.ipv4.ip_forward', 1);
    gateway.sysctl('net.ipv6.conf.all.forwarding', 1);
    gateway.nft(watch(ports));
    this.#leave = gateway.enter();
    this.table = new KernelTable();
    this.folder = new ChangeFolder(this.#stateDir, new Disk());
    this.changes = new PolicyChanges({
      folder: this.folder,
      kernel: kernelHandsOf(),
      policies: { read: async () => readActual() },
      deadMan: deadManOf(this.#stateDir, bootClock),
      clock: bootClock,
      now: Date.now,
      spared: async () => [],
      process: ownIdentity,
      namespace: networkNamespace,
      endUnmet: (record) => endUnmet(record, { table: this.table, context: () => CONTEXT, own: () => this.#own, allow: () => undefined }),
    });
  }

  /** @param ports of the server, whose TCP is counted on its way */
  static start(prefix: string, ports: readonly number[]): ForwardingGateway {
    return new ForwardingGateway(prefix, ports);
  }

  /** A conversation by way of the gateway that goes on until the end. */
  async speak(kind: Kind, family: Family, port: number): Promise<SpokenFlow> {
    const { client, server } = PLACES[family];
    const flow = await SpokenFlow.start(kind, {
      client: { namespace: this.client.name, address: client },
      server: { namespace: this.server.name, address: server },
      to: server,
      toPort: port,
      port,
    });
    this.#flows.push(flow);
    await until('the first answer', () => flow.progress > 0 || flow.isTold || undefined);
    return flow;
  }

  hangUp(): void {
    for (const flow of this.#flows.splice(0)) flow.end();
    this.gateway.run('conntrack', '-F');
  }

  /** What a policy would do to flows, by the same way as an agent's plan. */
  async effects(document: PolicyDocument, maxFlows = 100): Promise<PlannedEffects> {
    const plan = await this.changes.plan(document);
    const hands = { table: this.table, context: () => CONTEXT, own: () => this.#own };
    return plannedEffects({ ...plan, wanted: plan.effective.values }, hands, { maxFlows });
  }

  async apply(document: PolicyDocument): Promise<void> {
    await this.changes.apply(document, 60_000);
  }

  async confirm(): Promise<void> {
    await this.changes.confirm({ openedAtBootMs: bootClock.bootMs() });
  }

  /** Everything that policies have set is as at the start. */
  async reset(): Promise<void> {
    if (this.folder.pending()) await this.changes.restore('The test is over.');
    await kernelHandsOf().replaceTable(undefined);
    this.hangUp();
    // The last packets of sockets that are closed may come after it, and make entries again.
    let quiet = 0;
    await until('no flow of the case before is left', async () => {
      quiet = (await this.table.count()) === 0 ? quiet + 1 : 0;
      if (quiet === 0) this.gateway.run('conntrack', '-F');
      return quiet >= QUIET_LOOKS || undefined;
    });
  }

  async rules() {
    const found = await new OwnTable().found();
    return found && rulesIn(found);
  }

  async flows(filter: string): Promise<Flow[]> {
    return (await this.table.search({ filter: filterOf(filter), context: CONTEXT, limit: 100 })).rows;
  }

  /** Packets of the server's port, both ways. */
  passed(when: 'before' | 'after', port: number): number {
    const text = this.gateway.run('nft', 'list', 'counter', 'inet', 'watch', `${when}_${port}`);
    return Number(/packets (\d+)/.exec(text)![1]);
  }

  async end(): Promise<void> {
    this.hangUp();
    await this.table.close();
    this.#leave();
    for (const namespace of [this.client, this.server, this.gateway]) namespace.remove();
    rmSync(this.#stateDir, { recursive: true, force: true });
  }
}
