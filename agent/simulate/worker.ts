// The simulated gateways of one process, as main.ts tells them: agents as on real gateways, with tables that nobody's packets reach.
import { once } from 'node:events';
import { pino } from 'pino';
import { Agent } from '../agent.ts';
import { readAgentConfig } from '../config.ts';
import { Disk } from '../disk/disk.ts';
import { NODE_FILES, type Files } from '../disk/files.ts';
import { identityOf } from '../enrolment.ts';
import { NO_RULES } from '../operations/local-guard.ts';
import { MemoryPolicies } from '../policies/reading/memory-policies.ts';
import { leave, stopSignal } from '../stop.ts';
import { steadyNow, systemClock, type Clock } from '../time/clock.ts';
import { simulation, type SimulatedGateway } from './fleet.ts';
import { reportLoad } from './load-report.ts';
import { sharedEnrolment } from './shared-enrolment.ts';
import { SimulatedTables } from './tables.ts';

/** Enrolments of one process at a time: the controller works at a few of a tenant's one after the other. */
const ENROLMENTS_AT_ONCE = 8;

const [told] = await once(process, 'message');
const { gateways, reportMs } = simulation.parse(told);
const config = readAgentConfig(process.env);
const log = pino({ level: config.logLevel, base: undefined });
const stop = stopSignal(() => log.warn('the agents left what was under way; it is taken up at the next start'));
process.once('disconnect', () => leave(0));
if (reportMs !== undefined) reportLoad(gateways.length, reportMs, stop);
/** The clock of the boot asks the kernel each time; here nothing is suspended that others would not be. */
const clock: Clock = { ...systemClock, now: steadyNow(Date.now, () => performance.now()) };
/** The state of a simulated gateway need not outlive a power cut, and a machine has one disk for all of them. */
const files: Files = { ...NODE_FILES, fsyncSync: () => undefined };
const disk = new Disk({ files });
const tables = new SimulatedTables(clock.now);
const enrol = sharedEnrolment(ENROLMENTS_AT_ONCE);

await Promise.all(gateways.map(run)).catch((error: unknown) => {
  if (!stop.aborted) throw error;
});
if (stop.aborted) leave(0);

async function run(gateway: SimulatedGateway): Promise<void> {
  const { name, stateDir, joinToken } = gateway;
  const gatewayLog = log.child({ gateway: name });
  const parts = { clock, random: Math.random, log: gatewayLog, hostname: name, stateDir };
  const signal = ownSignal();
  const identity = await identityOf({ ...config, ...parts, joinToken, signal, enrol, disk });
  const { table, wans } = tables.of(gateway);
  const agent = new Agent({
    ...parts,
    files,
    identity,
    table,
    wans: () => wans,
    policies: new MemoryPolicies(),
    ownAddresses: () => [],
    guardRules: () => NO_RULES,
    controller: async () => ({ addresses: [], port: 0 }),
  });
  await agent.run(signal);
}

/** Adding a listener to a signal looks at all that it has, and an agent adds some with each sample. */
function ownSignal(): AbortSignal {
  const own = new AbortController();
  stop.addEventListener('abort', () => own.abort(), { once: true });
  return own.signal;
}
