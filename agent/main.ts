// The agent of one gateway: node main.js run. Settings are CTFLEET_* variables (config.ts).
import os from 'node:os';
import { pino } from 'pino';
import { Agent } from './agent.ts';
import { systemClock } from './clock.ts';
import { observeInterfaces } from './collectors/wan-observation.ts';
import { WanStore } from './collectors/wan-store.ts';
import { WanMemory } from './collectors/wans.ts';
import { readAgentConfig, type AgentConfig } from './config.ts';
import { TableEvents } from './conntrack/events.ts';
import { KernelTable } from './conntrack/kernel-table.ts';
import { identityOf } from './enrolment.ts';
import { ownAddresses, resolveEndpoint } from './own-endpoints.ts';

const [, , command = 'run'] = process.argv;
if (command !== 'run') end(`There is no command "${command}"; there is: run`);
const config = settings();
const log = pino({ level: config.logLevel, base: undefined, redact: ['joinToken'] });
const stop = new AbortController();
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => stop.abort());

try {
  const hostname = os.hostname();
  const identity = await identityOf({ ...config, hostname, clock: systemClock, random: Math.random, log, signal: stop.signal });
  const store = new WanStore(config.stateDir, (error) => log.warn({ err: error }, 'WAN addresses could not be kept'));
  const memory = new WanMemory(config.wanNames, store.load());
  const agent = new Agent({
    identity, stateDir: config.stateDir, table: new KernelTable(), events: await hearEvents(), wans: () => store.keep(memory.observe(observeInterfaces())),
    ownAddresses, controller: () => resolveEndpoint(identity.linkAddress), clock: systemClock, random: Math.random, log, hostname,
  });
  await agent.run(stop.signal);
} catch (error) {
  end((error as Error).message);
}

/** Without events there are no rates, and everything else works. */
async function hearEvents(): Promise<TableEvents | undefined> {
  try {
    return await TableEvents.open({}, (message) => log.warn({ reason: message }, 'events of the table'));
  } catch {
    return undefined;
  }
}

function settings(): AgentConfig {
  try {
    return readAgentConfig(process.env);
  } catch (error) {
    return end((error as Error).message);
  }
}

function end(why: string): never {
  console.error(`ctfleet-agent: ${why}`);
  process.exit(1);
}
