import { KernelTable } from '../../agent/conntrack/kernel/kernel-table.ts';
import type { FlowContext, VirtualAddress, WanFacts } from '../../agent/conntrack/table.ts';
import { parseAddress } from '../../proto/model/address.ts';
import type { Flow } from '../../proto/model/flow.ts';
import { Lab } from '../lab/lab.ts';
import { runIn } from '../lab/namespace.ts';
import type { Routing } from '../lab/routing.ts';
import type { NatKind } from '../lab/rules.ts';
import { externalAddress, externalAddress6, type WanNumber } from '../lab/topology.ts';
import { Conversation } from './conversation.ts';
import { enterNamespace } from './namespace.ts';
import { until } from './until.ts';
import { filterOf } from './filter-of.ts';

let made = 0;

interface Options {
  nat?: NatKind;
  pin?: boolean;
  routing?: Routing;
  /** Replaces the lab's rules: the whole ruleset of the gateway. */
  rules?: string;
}

export type WanStates = Partial<Record<WanNumber, Partial<WanFacts>>>;

/** One gateway of the lab with a table that belongs to this thread, which is in its namespace until it is ended. */
export class StaleGateway {
  readonly lab: Lab;
  readonly table: KernelTable;
  readonly #conversations: Conversation[] = [];
  readonly #leave: () => void;

  private constructor(lab: Lab) {
    this.lab = lab;
    this.#leave = enterNamespace(lab.names.gateway(1));
    this.table = new KernelTable();
  }

  static async start({ nat = 'snat', pin = false, routing = 'standby', rules }: Options = {}): Promise<StaleGateway> {
    const lab = new Lab({ prefix: `ctw-stale-${process.pid}-${++made}`, gateways: 1, nat, pin, routing });
    lab.up();
    const gateway = new StaleGateway(lab);
    if (rules !== undefined) gateway.rule(`flush ruleset\n${rules}`);
    await gateway.converse('inet', 'serving', 'servers.ts');
    return gateway;
  }

  /** Loads nft rules into the gateway. */
  rule(text: string): void {
    runIn(this.lab.names.gateway(1), 'nft', ['-f', '-'], text);
  }

  /** Makes the providers do something, in nft syntax. */
  provider(command: string): void {
    runIn(this.lab.names.inet, 'nft', [command]);
  }

  /** Runs `ip` in the gateway, or in the namespace of providers and servers. */
  ip(where: 'gateway' | 'inet', ...args: string[]): void {
    runIn(where === 'gateway' ? this.lab.names.gateway(1) : this.lab.names.inet, 'ip', args);
  }

  async converse(where: 'lan' | 'inet', word: string, script: string, ...args: (string | number)[]): Promise<Conversation> {
    const conversation = new Conversation(where === 'lan' ? this.lab.names.lan(1) : this.lab.names.inet, script, args);
    this.#conversations.push(conversation);
    await conversation.heard(word);
    return conversation;
  }

  /** The flows that match, as the gateway sees them. */
  async flows(filter = 'stale:yes', context = contextOf()): Promise<Flow[]> {
    return (await this.table.search({ filter: filterOf(filter), context, limit: 1000 })).rows;
  }

  /** The same by sender, with the verdict. */
  async named(filter = 'stale:yes', context = contextOf()): Promise<string[]> {
    return (await this.flows(filter, context)).map((flow) => `${flow.orig.src} ${flow.stale}`).sort();
  }

  /** Waits until a flow matches. */
  async until(filter: string): Promise<void> {
    await until(`a flow matches ${filter}`, async () => (await this.flows(filter)).length > 0 || undefined);
  }

  /** Ends what matches, and returns how many flows that was. */
  async end(filter: string, context = contextOf()): Promise<number> {
    const flows = await this.flows(filter, context);
    await this.table.delete(flows);
    return flows.length;
  }

  async close(): Promise<void> {
    for (const conversation of this.#conversations) await conversation.end();
    await this.table.close();
    this.#leave();
    this.lab.down();
  }
}

/** What the agent would know: each WAN by its interface, and its state. */
export function contextOf(state: WanStates = {}, virtualAddresses: VirtualAddress[] = []): FlowContext {
  const wan = (n: WanNumber): WanFacts => ({
    name: `wan${n}`,
    interface: `wan${n}`,
    addresses: [parseAddress(externalAddress(1, n))!, parseAddress(externalAddress6(1, n))!],
    isUp: true,
    ...state[n],
  });
  return { wans: [wan(1), wan(2)], virtualAddresses, protections: [] };
}

/** Traffic resumes: sooner or later a line comes back. */
export async function heals(talk: Conversation, line: string): Promise<void> {
  await until(`“${line}” comes back`, () => {
    talk.say(line);
    return talk.unheard.includes(line) || undefined;
  });
}
