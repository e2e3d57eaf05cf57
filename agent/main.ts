// The agent of one gateway: ctfleet-agent run is the service; the other commands are for the person on the gateway (command-line.ts).
// Settings are CTFLEET_* variables (config.ts).
import os from 'node:os';
import { pino } from 'pino';
import { acceptJournals } from './accept-journals.ts';
import { Agent } from './agent.ts';
import { systemClock } from './time/clock.ts';
import { observeInterfaces } from './wans/observe.ts';
import { WanStore } from './wans/store.ts';
import { WanMemory } from './wans/wans.ts';
import { VirtualAddresses, VirtualAddressStore } from './wans/virtual-addresses.ts';
import { EXIT, HELP, printed, takeFlag, UsageError } from './command-line.ts';
import { readAgentConfig, type AgentConfig } from './config.ts';
import { KernelTable } from './conntrack/kernel/kernel-table.ts';
import { LateEvents } from './conntrack/events/late-events.ts';
import { Disk } from './disk/disk.ts';
import { identityOf } from './enrolment.ts';
import { DEFAULT_GUARD_FILE, GuardFile } from './operations/guard-file.ts';
import { policyCommand } from './policy-command.ts';
import { policyParts } from './policy-parts.ts';
import { RouteEvents } from './wans/route-events.ts';
import { WanProbes } from './wans/probes.ts';
import { WanWatch } from './wans/watch.ts';
import { ownAddresses, resolveEndpoint } from './operations/own-endpoints.ts';
import { OWNER_COMMANDS, ownerCommand, type OwnerCommand } from './owner-commands.ts';
import { feedWatchdog, Heartbeat, tellServiceManager } from './service-manager.ts';
import { leave, stopSignal } from './stop.ts';
import { StateFile } from './told-state.ts';
import { monotonicMs } from './time/monotonic.ts';
import { AGENT_VERSION } from './version.ts';
import { nearest } from '../proto/model/nearest.ts';

const [, program, command = 'run', ...args] = process.argv;
if (['--help', '-h', 'help'].includes(command) || args.includes('--help')) help();
const own = OWNER_COMMANDS.find((one) => one === command || (one === 'version' && command === '--version'));
if (!own && !['run', 'accept-journal', 'policy'].includes(command)) {
  const near = nearest(command, [...OWNER_COMMANDS, 'run', 'accept-journal', 'policy']);
  end(
    `There is no command “${command}”${near === undefined ? '' : `; did you mean “${near}”?`} All of them: ctfleet-agent --help`,
    EXIT.usage,
  );
}
const config = settings();
if (command === 'accept-journal') accept(config.stateDir);
if (command === 'policy') await setPolicy();
if (own) await serveOwner(own);
const log = pino({ level: config.logLevel, base: undefined, redact: ['joinToken'] });
const stop = stopSignal(() => log.warn('the agent left what was under way; it is taken up at the next start'));
// Before anything else: a policy that nobody has confirmed may be what keeps this gateway from its controller.
const { book: _, ...policy } = policyParts(config, (message, fields) => log.warn(fields, message));
const { standing } = policy;
await standing.start();
const standingUntilStop = standing.run(stop);
const heartbeat = new Heartbeat(monotonicMs);
tellServiceManager('READY=1');
feedWatchdog(heartbeat, stop);

try {
  const hostname = os.hostname();
  const identity = await identityOf({ ...config, hostname, clock: systemClock, random: Math.random, log, signal: stop });
  const disk = new Disk({ onTrouble: (message, fields) => log.warn(fields, message) });
  const store = new WanStore(config.stateDir, disk);
  const virtual = new VirtualAddresses(config.virtualAddresses, new VirtualAddressStore(config.stateDir, disk));
  const memory = new WanMemory(config.wanNames, store.load());
  const probes = new WanProbes(config.wanProbes, process.pid);
  const watch = new WanWatch({
    memory,
    observe: () => virtual.observe(observeInterfaces()),
    events: hearRoutes(),
    probes,
    keep: (wans) => store.keep(wans),
    onError: (error) => log.warn({ err: error }, 'WANs could not be observed'),
  });
  watch.start();
  const events = new LateEvents((message) => log.warn({ reason: message }, 'events of the table'));
  await events.open();
  const guard = new GuardFile(config.guardFile ?? DEFAULT_GUARD_FILE, config.guardFile !== undefined);
  const agent = new Agent({
    identity,
    stateDir: config.stateDir,
    table: new KernelTable({ onPlaced: (placement) => log.info({ ...placement }, 'the thread that walks the table keeps out of the way') }),
    events,
    wans: () => watch.current(),
    onWansChange: (listener) => watch.onChange(listener),
    virtualAddresses: () => virtual.all(),
    policies: policy.policies,
    policyParts: policy,
    probed: () => probes.targets,
    cannot: () => whatIsMissing(probes),
    mayActInEmergency: config.mayActInEmergency,
    ownAddresses,
    guardRules: () => guard.rules(),
    controller: () => resolveEndpoint(identity.linkAddress),
    clock: systemClock,
    random: Math.random,
    log,
    hostname,
    onTurn: (nextMs) => heartbeat.turned(nextMs),
    told: new StateFile({
      stateDir: config.stateDir,
      disk,
      now: Date.now,
      version: AGENT_VERSION,
      pid: process.pid,
      onError: (error) => log.warn({ err: error }, 'what ctfleet-agent status shows could not be written'),
    }),
  });
  await agent.run(stop);
  watch.close();
  await standingUntilStop;
} catch (error) {
  if (!stop.aborted) end((error as Error).message);
}
leave(0);

/** Without them a change is seen at the next sample. */
function hearRoutes(): RouteEvents | undefined {
  try {
    return new RouteEvents();
  } catch (error) {
    log.warn({ err: error }, 'route changes cannot be heard');
    return undefined;
  }
}

function whatIsMissing(probes: WanProbes): Record<string, string> {
  return probes.why === undefined ? {} : { 'wan-probes': `WANs cannot be probed, so that a silent failure is not seen: ${probes.why}.` };
}

function accept(stateDir: string): never {
  try {
    console.log(acceptJournals(stateDir, Date.now()).join('\n'));
    process.exit(0);
  } catch (error) {
    return end((error as Error).message);
  }
}

async function setPolicy(): Promise<never> {
  try {
    console.log((await policyCommand({ config, program: `node ${program}`, args })).join('\n'));
  } catch (error) {
    return end((error as Error).message);
  }
  return leave(0);
}

async function serveOwner(what: OwnerCommand): Promise<never> {
  const isJson = takeFlag(args, '--json');
  try {
    const answer = await ownerCommand(
      what,
      args,
      config,
      stopSignal(() => {}),
    );
    console.log(printed(answer, isJson));
    return leave(answer.code);
  } catch (error) {
    if (isJson) console.log(JSON.stringify({ error: (error as Error).message }));
    return end((error as Error).message, error instanceof UsageError ? EXIT.usage : EXIT.failed);
  }
}

function help(): never {
  console.log(HELP);
  return leave(EXIT.done);
}

function settings(): AgentConfig {
  try {
    const read = readAgentConfig(process.env);
    // What this program starts has no use for it. /proc shows what the agent itself was started with for as long as it runs.
    delete process.env.CTFLEET_JOIN_TOKEN;
    return read;
  } catch (error) {
    return end((error as Error).message);
  }
}

function end(why: string, code: number = EXIT.failed): never {
  console.error(`ctfleet-agent: ${why}`);
  return leave(code);
}
