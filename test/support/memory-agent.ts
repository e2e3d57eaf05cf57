import { mkdtempSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { pino } from 'pino';
import { Agent } from '../../agent/agent.ts';
import { systemClock } from '../../agent/time/clock.ts';
import { MemoryTable } from '../../agent/conntrack/memory/memory-table.ts';
import { identityOf } from '../../agent/enrolment.ts';
import { MemoryPolicies } from '../../agent/policies/reading/memory-policies.ts';
import { NO_RULES, type GuardRules } from '../../agent/operations/local-guard.ts';
import { routes } from '../../proto/http/routes.ts';
import { parseAddress } from '../../proto/model/address.ts';
import { eventually, makePlace, type Person, type TestController } from './controller-fleet.ts';
import { entryOf } from './sample-entries.ts';

export interface MemoryAgentOptions {
  prepare?: (stateDir: string) => void;
  guardRules?: () => GuardRules;
}

/** The whole agent over an in-memory table and two WANs that are up, in this process, on the real link. */
export class MemoryAgent {
  readonly gatewayId: string;
  readonly tenantId: string;
  readonly table: MemoryTable;
  readonly #end: () => Promise<void>;

  private constructor(gatewayId: string, tenantId: string, table: MemoryTable, end: () => Promise<void>) {
    [this.gatewayId, this.tenantId, this.table, this.#end] = [gatewayId, tenantId, table, end];
  }

  /**
   * Enrols as the first gateway of a new tenant, with `flows` UDP flows, and waits until it is online. `prepare` may put into its state
   * folder what an earlier life left; `guardRules` are what its owner allows.
   */
  static async start(
    controller: TestController,
    owner: Person,
    name: string,
    flows = 30,
    { prepare = () => undefined, guardRules = () => NO_RULES }: MemoryAgentOptions = {},
  ): Promise<MemoryAgent> {
    const { joinToken, tenantId } = await makePlace(owner, `Tenant of ${name}`, name);
    const stateDir = mkdtempSync(path.join(os.tmpdir(), 'ctfleet-agent-'));
    prepare(stateDir);
    const log = pino({ level: process.env.CTFLEET_TEST_LOG ?? 'silent' });
    const stop = new AbortController();
    const identity = await identityOf({
      stateDir,
      hostname: name,
      clock: systemClock,
      random: Math.random,
      log,
      signal: stop.signal,
      enrolAddress: controller.enrolAddress,
      joinToken,
    });
    const table = new MemoryTable({ now: Date.now });
    for (let sport = 1; sport <= flows; sport++)
      table.insert(entryOf({ proto: 17, orig: { src: '10.1.0.1', dst: '203.0.113.9', sport, dport: 5060 }, reply: { dst: '192.0.2.1' } }));
    const wans = ['192.0.2.1', '198.51.100.1'].map((address, index) => ({
      name: `wan${index + 1}`,
      interface: `wan${index + 1}`,
      addresses: [parseAddress(address)!],
      isUp: true,
      carriesDefaultRoute: index === 0,
    }));
    const agent = new Agent({
      identity,
      stateDir,
      table,
      wans: () => wans,
      policies: new MemoryPolicies(),
      ownAddresses: () => [],
      guardRules,
      controller: async () => ({ addresses: [], port: 0 }),
      clock: systemClock,
      random: Math.random,
      log,
      hostname: name,
    });
    const running = agent.run(stop.signal);
    const gatewayId = await eventually('the gateway is online', async () => {
      const { items } = await owner.call(routes.listGateways, { query: { tenant: tenantId } });
      return items.find((gateway) => gateway.state === 'online')?.id;
    });
    return new MemoryAgent(gatewayId, tenantId, table, async () => {
      stop.abort();
      await running;
      rmSync(stateDir, { recursive: true });
    });
  }

  /** Stops it and removes its folder. */
  end(): Promise<void> {
    return this.#end();
  }
}
