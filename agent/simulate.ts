// Many gateways with tables in memory, in one process. Reads [{ name, seed, stateDir, joinToken? }] from standard input.
import { text } from 'node:stream/consumers';
import { pino } from 'pino';
import { z } from 'zod';
import { formatAddress } from '../proto/model/address.ts';
import { Agent } from './agent.ts';
import { systemClock } from './time/clock.ts';
import type { Wan } from './wans/wans.ts';
import { readAgentConfig } from './config.ts';
import { MemoryTable } from './conntrack/memory/memory-table.ts';
import { SyntheticFlows, type SyntheticOptions } from './conntrack/memory/synthetic-flows.ts';
import { identityOf } from './enrolment.ts';
import { MemoryPolicies } from './policies/reading/memory-policies.ts';
import { NO_RULES } from './operations/local-guard.ts';
import { leave, stopSignal } from './stop.ts';

const gateways = z
  .array(z.object({ name: z.string(), seed: z.number().int(), stateDir: z.string(), joinToken: z.string().optional() }))
  .parse(JSON.parse(await text(process.stdin)));
const config = readAgentConfig(process.env);
const log = pino({ level: config.logLevel, base: undefined });
const stop = stopSignal(() => log.warn('the agents left what was under way; it is taken up at the next start'));

await Promise.all(
  gateways.map(async ({ name, seed, stateDir, joinToken }) => {
    const gatewayLog = log.child({ gateway: name });
    const identity = await identityOf({
      ...config,
      stateDir,
      joinToken,
      hostname: name,
      clock: systemClock,
      random: Math.random,
      log: gatewayLog,
      signal: stop,
    });
    const wans = wansOf(seed);
    const agent = new Agent({
      identity,
      stateDir,
      table: new MemoryTable({ now: systemClock.now, traffic: new SyntheticFlows(trafficOf(seed, wans)) }),
      wans: () => wans,
      policies: new MemoryPolicies(),
      ownAddresses: () => [],
      guardRules: () => NO_RULES,
      controller: async () => ({ addresses: [], port: 0 }),
      clock: systemClock,
      random: Math.random,
      log: gatewayLog,
      hostname: name,
    });
    await agent.run(stop);
  }),
).catch((error: unknown) => {
  if (!stop.aborted) throw error;
});
if (stop.aborted) leave(0);

/** Two WANs of addresses that are nobody's (RFC 2544). */
function wansOf(seed: number): Wan[] {
  return [1, 2].map((n) => ({
    name: `wan${n}`,
    interface: `wan${n}`,
    addresses: [Uint8Array.from([198, 17 + n, 128 + ((seed >> 8) & 0x7f), seed & 0xff])],
    isUp: true,
    carriesDefaultRoute: n === 1,
  }));
}

/** A few thousand flows of a LAN of its own. */
function trafficOf(seed: number, wans: Wan[]): SyntheticOptions {
  return {
    seed,
    count: 1500 + ((seed * 37) % 1500),
    wanAddresses: wans.flatMap(({ addresses }) => addresses.map(formatAddress)),
    lan: `10.${(seed % 250) + 1}`,
  };
}
