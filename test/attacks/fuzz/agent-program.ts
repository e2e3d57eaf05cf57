// The real agent on an in-memory table that nothing else changes. Started by frames-to-agent.ts; its identity is in CTFLEET_STATE_DIR.
import { pino } from 'pino';
import { Agent } from '../../../agent/agent.ts';
import { systemClock } from '../../../agent/time/clock.ts';
import { MemoryTable } from '../../../agent/conntrack/memory/memory-table.ts';
import { loadIdentity } from '../../../agent/link/identity.ts';
import { NO_RULES } from '../../../agent/operations/local-guard.ts';
import { MemoryPolicies } from '../../../agent/policies/reading/memory-policies.ts';
import { entryOf } from '../../support/sample-entries.ts';
import { BAIT, STATIC_FLOWS } from './static-flows.ts';

const stateDir = process.env.CTFLEET_STATE_DIR!;
const table = new MemoryTable({ now: systemClock.now });
for (const { name, count, dport } of STATIC_FLOWS) {
  for (let number = 0; number < count; number++) {
    table.insert({
      ...entryOf({ proto: 17, orig: { src: `10.1.${name === BAIT ? 1 : 2}.4`, dst: '198.51.100.10', sport: 20_000 + number, dport } }),
      timeoutSeconds: undefined,
    });
  }
}
const stop = new AbortController();
process.once('SIGTERM', () => stop.abort());
await new Agent({
  identity: loadIdentity(stateDir)!,
  stateDir,
  table,
  wans: () => [],
  policies: new MemoryPolicies(),
  ownAddresses: () => [],
  guardRules: () => NO_RULES,
  controller: async () => ({ addresses: [], port: 0 }),
  clock: systemClock,
  random: () => 0,
  log: pino({ level: 'debug', base: undefined }),
  hostname: 'attacked',
}).run(stop.signal);
