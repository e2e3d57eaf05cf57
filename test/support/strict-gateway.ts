import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { KernelTable } from '../../agent/conntrack/kernel/kernel-table.ts';
import type { Flow } from '../../proto/model/flow.ts';
import { Lab } from '../lab/lab.ts';
import { runIn, spawnIn } from '../lab/namespace.ts';
import { Conversation } from './conversation.ts';
import { enterNamespace } from './namespace.ts';
import { filterOf } from './filter-of.ts';

/** Counts what reaches the internet with a LAN address: packets that should have been translated. */
const UNTRANSLATED = `table ip watching {
  counter untranslated { }
  chain arriving { type filter hook prerouting priority -400; ip saddr 10.0.0.0/8 counter name untranslated; }
}
`;

/**
 * One real gateway of the lab that only passes traffic whose start it has seen: invalid packets and TCP that begins midway are dropped, so
 * that a connection whose entry is gone hangs. The calling thread is in the gateway's namespace until `end`.
 */
export class StrictGateway {
  readonly lab: Lab;
  readonly table: KernelTable;
  readonly name: string;
  readonly #leave: () => void;
  readonly #programs: { end(): Promise<void> }[] = [];

  private constructor(lab: Lab) {
    this.lab = lab;
    this.name = lab.names.gateway(1);
    this.#leave = enterNamespace(this.name);
    this.table = new KernelTable();
  }

  /** Builds it, with the lab's servers. Throws if the prefix is in use. */
  static async start(prefix: string): Promise<StrictGateway> {
    const lab = new Lab({ prefix, gateways: 1 });
    lab.up();
    const gateway = new StrictGateway(lab);
    try {
      runIn(gateway.name, 'nft', ['insert rule inet gw lab_forward ct state new tcp flags & (fin | syn | rst | ack) != syn counter drop']);
      runIn(gateway.name, 'sysctl', ['-qw', 'net.netfilter.nf_conntrack_tcp_loose=0']);
      runIn(lab.names.inet, 'nft', ['-f', '-'], UNTRANSLATED);
      const servers = spawnIn(lab.names.inet, process.execPath, [fileURLToPath(new URL('../lab/traffic/servers.ts', import.meta.url))]);
      gateway.#programs.push({ end: async () => void (servers.kill('SIGKILL') && (await once(servers, 'exit'))) });
      await once(servers.stdout!, 'data');
    } catch (error) {
      await gateway.end();
      throw error;
    }
    return gateway;
  }

  /**
   * A program from test/lab/traffic in the LAN, or on the internet; ended with the gateway. Resolves when it has printed its first word.
   */
  async converse(where: 'lan' | 'inet', word: 'open' | 'serving', script: string, ...args: (string | number)[]): Promise<Conversation> {
    const conversation = new Conversation(where === 'lan' ? this.lab.names.lan(1) : this.lab.names.inet, script, args);
    this.#programs.push(conversation);
    await conversation.heard(word);
    return conversation;
  }

  /** Flows by a filter in text, in order of their ids. */
  async flows(filter: string): Promise<Flow[]> {
    return (await this.table.search({ filter: filterOf(filter), context: { wans: [], protections: [] }, limit: 10_000 })).rows;
  }

  /** The one flow of a filter. */
  async flow(filter: string): Promise<Flow> {
    const [flow, ...more] = await this.flows(filter);
    if (!flow || more.length > 0) throw new Error(`${filter} is ${more.length + (flow ? 1 : 0)} flows instead of one`);
    return flow;
  }

  /** Packets that have reached the internet from LAN addresses. */
  untranslated(): number {
    return Number(/packets (\d+)/.exec(runIn(this.lab.names.inet, 'nft', ['list', 'counter', 'ip', 'watching', 'untranslated']))?.[1]);
  }

  async end(): Promise<void> {
    for (const program of this.#programs) await program.end();
    await this.table.close();
    this.#leave();
    this.lab.down();
  }
}
