// The real agent on an in-memory table that nothing else changes. Started by frames-to-agent.ts; its identity is in CTFLEET_STATE_DIR.
import { pino } from 'pino';
import { Agent } from '../../../agent/agent.ts';
import { systemClock } from '../../../agent/time/clock.ts';
import { MemoryTable } from '../../../agent/conntrack/memory/memory-table.ts';
import { loadIdentity } from '../../../agent/link/identity.ts';
import { NO_RULES } from '../../../agent/operations/local-guard.ts';
import { Disk } from '../../../agent/disk/disk.ts';
import { ChangeFolder } from '../../../agent/policies/applying/change-folder.ts';
import { PolicyChanges } from '../../../agent/policies/applying/policy-changes.ts';
import { networkNamespace } from '../../../agent/policies/network-namespace.ts';
import { ownIdentity } from '../../../agent/policies/applying/process-identity.ts';
import { DriftFile } from '../../../agent/policies/standing/drift-file.ts';
import { StandingPolicy } from '../../../agent/policies/standing/standing-policy.ts';
import { bootClock } from '../../../agent/time/boot-clock.ts';
import { MemoryPolicyKernel } from '../../support/memory-policy-kernel.ts';
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
const [folder, kernel] = [new ChangeFolder(stateDir, new Disk()), new MemoryPolicyKernel({})];
const changes = new PolicyChanges({
  folder,
  kernel,
  policies: new MemoryPolicies(),
  deadMan: { start: async () => undefined },
  clock: bootClock,
  now: Date.now,
  spared: async () => [],
  endUnmet: async () => ({ ended: 0, left: 0 }),
  process: ownIdentity,
  namespace: networkNamespace,
});
const standing = new StandingPolicy({
  changes,
  folder,
  kernel,
  clock: bootClock,
  spared: async () => [],
  book: new DriftFile(stateDir, new Disk()),
  hearChangers: () => ({ mark: () => 0, forget: () => undefined, touches: () => [] }),
  isOwn: () => false,
  now: Date.now,
  namespace: networkNamespace,
  warn: () => undefined,
});
const stop = new AbortController();
process.once('SIGTERM', () => stop.abort());
await new Agent({
  identity: loadIdentity(stateDir)!,
  stateDir,
  table,
  wans: () => [],
  policies: new MemoryPolicies(),
  policyParts: { folder, changes, clock: bootClock, standing, spared: async () => [] },
  ownAddresses: () => [],
  guardRules: () => NO_RULES,
  controller: async () => ({ addresses: [], port: 0 }),
  clock: systemClock,
  random: () => 0,
  log: pino({ level: 'debug', base: undefined }),
  hostname: 'attacked',
}).run(stop.signal);
