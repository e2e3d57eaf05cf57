import { randomUUID } from 'node:crypto';
import os from 'node:os';
import type { Logger } from 'pino';
import type { Hello } from '../proto/gen/ctfleet/v1/link.ts';
import type { Sample } from '../proto/gen/ctfleet/v1/stats.ts';
import { abilitiesOf } from './abilities.ts';
import { handlersOf } from './handlers.ts';
import { StandingBlockReports } from './standing-blocks.ts';
import type { StateFile } from './told-state.ts';
import { ToldAbilities } from './told-abilities.ts';
import type { Clock } from './time/clock.ts';
import { ControllerClock } from './time/controller-clock.ts';
import { Sampler } from './collectors/collector.ts';
import { tableCounters } from './collectors/counters.ts';
import { EventRates } from './collectors/event-rates.ts';
import { TableWalk } from './collectors/table-walk.ts';
import { toWireWan, wanStates } from './collectors/wans.ts';
import type { Wan } from './wans/wans.ts';
import type { TableEvents } from './conntrack/events/table-events.ts';
import type { ConntrackTable, FlowContext, VirtualAddress } from './conntrack/table.ts';
import { Disk } from './disk/disk.ts';
import type { Files } from './disk/files.ts';
import type { Identity } from './link/identity.ts';
import { askController, Renewal } from './link/renewal.ts';
import { Link } from './link/link.ts';
import { Outbox } from './link/outbox.ts';
import { Spool } from './link/spool.ts';
import { Witness } from './link/witness.ts';
import { Blocks } from './firewall/tables/blocks.ts';
import { Commands } from './operations/commands.ts';
import { Emergency } from './operations/emergency.ts';
import { builtInProtections, type Endpoint } from './operations/guard.ts';
import { Journal } from './operations/journal.ts';
import { Lately } from './operations/lately.ts';
import type { OnEnded } from './operations/ended.ts';
import { LocalGuard, type GuardRules } from './operations/local-guard.ts';
import { PlanStore } from './operations/plan-store.ts';
import { NO_PACKETS, Refusals } from './firewall/tables/refusals.ts';
import { UsedApprovals } from './operations/used-approvals.ts';
import { UndoStore } from './operations/undo-store.ts';
import type { TableReading } from './operations/table-pressure.ts';
import { APPLIES_POLICY, REPORTS_POLICY } from '../proto/model/policy/gateway-reading.ts';
import { PolicyDecisions } from './policy-decisions.ts';
import type { PolicyParts } from './policy-parts.ts';
import { PolicyStateReports } from './policy-state.ts';
import { GatewayPolicyWork } from './policy-work.ts';
import { PolicyPlanning } from './policies/effects/policy-planning.ts';
import type { Policies } from './policies/reading/policies.ts';
import { Remediations } from './remediations/remediations.ts';
import { remediationsFolder, RunLog } from './remediations/run-log.ts';
import { RunReports } from './remediations/run-reports.ts';
import { FailoverWork } from './failover-work.ts';
import { WanEvents } from './wans/wan-events.ts';
import { WanEventStore } from './wans/wan-event-store.ts';
import type { WanListener } from './wans/watch.ts';
import { unlessAborted } from './stop.ts';
import { AGENT_VERSION, PROTOCOL_VERSION } from './version.ts';

export interface AgentDependencies {
  identity: Identity;
  stateDir: string;
  /** Where the state folder lies; absent: this machine's file system. */
  files?: Files;
  table: ConntrackTable;
  /** The table's events, once they can be heard; closed with the agent. */
  events?: { readonly current: Pick<TableEvents, 'totals'> | undefined; close(): Promise<void> };
  /** As they are now; a WAN that failed stays in it. */
  wans: () => Wan[];
  /** Calls a listener at each change of a WAN; absent where they do not change. */
  onWansChange?: (listener: WanListener) => () => void;
  /** Addresses that move between the nodes of a pair. */
  virtualAddresses?: () => VirtualAddress[];
  /** How the gateway tracks. */
  policies: Policies;
  /** What puts a policy in force here and holds the gateway to it; absent where nothing is to be changed. */
  policyParts?: Pick<PolicyParts, 'folder' | 'changes' | 'clock' | 'standing' | 'spared'>;
  /** Addresses that the agent pings. */
  probed?: () => string[];
  /** What cannot be told of WANs here, and why, beside what the table cannot. */
  cannot?: () => Record<string, string>;
  /** Whether flows that are over may be deleted unasked when the table is full. */
  mayActInEmergency?: boolean;
  ownAddresses: () => string[];
  /** The guard file as it is now. */
  guardRules: () => GuardRules;
  controller: () => Promise<Endpoint>;
  clock: Clock;
  random: () => number;
  log: Logger;
  hostname: string;
  /** Told of each turn of the loop, and when the next is due; for the service manager's watchdog. */
  onTurn?: (nextMs: number) => void;
  /** For whoever asks on this machine. */
  told?: Pick<StateFile, 'linkIs' | 'sampled'>;
}

/** How often a sample is taken, whatever the controller says. */
const MIN_SAMPLE_MS = 1_000;
const MAX_SAMPLE_MS = 600_000;

const REDIAL_MS = 100;
const UNCHANGEABLE = 'How this gateway tracks cannot be changed by its agent.';

/** One gateway's agent: a link, the operations behind it, and a sample each interval. */
export class Agent {
  readonly #deps: AgentDependencies;
  readonly #journal: Journal;
  readonly #runs: RunLog;
  readonly #witness: Witness;
  readonly #guard: LocalGuard;
  /** A simulated gateway has no packets to refuse, and must not touch the rules of the machine it runs on. */
  readonly #refusals: Refusals | undefined;
  readonly #blocks: Blocks | undefined;
  readonly #spool: Spool;
  readonly #outbox: Outbox;
  readonly #standingBlocks: StandingBlockReports | undefined;
  readonly #policyState: PolicyStateReports | undefined;
  readonly #policyWork: GatewayPolicyWork | undefined;
  readonly #remediations: Remediations;
  readonly #failovers: FailoverWork;
  readonly #commands: Commands;
  readonly #emergency: Emergency | undefined;
  readonly #sampler: Sampler;
  readonly #abilities: ToldAbilities;
  readonly #renewal: Renewal;
  readonly #link: Link;
  readonly #instanceId = randomUUID();
  #endpoint: Endpoint | undefined;
  #sampleIntervalMs = 10_000;

  /** Each part is given parts that were made before it. */
  constructor(deps: AgentDependencies) {
    this.#deps = deps;
    const { stateDir, table, events, clock, random, log, wans } = deps;
    const context = () => this.#context();
    const controllerClock = new ControllerClock(clock.now);
    const disk = new Disk({ files: deps.files, now: clock.now, onTrouble: (message, fields) => log.error(fields, message) });
    const plans = new PlanStore(stateDir, disk);
    this.#journal = new Journal(stateDir, disk);
    this.#runs = new RunLog(remediationsFolder(stateDir), disk);
    this.#witness = new Witness(stateDir, (why) => log.error({ why }, 'the controller’s audit trail contradicts what was witnessed'), disk);
    const used = new UsedApprovals(clock.now, stateDir, disk);
    this.#guard = new LocalGuard(() => this.#rules(), new Lately(clock.now, stateDir, disk), used);
    this.#refusals = table.kind === 'kernel' ? new Refusals(clock) : undefined;
    this.#blocks =
      table.kind === 'kernel'
        ? new Blocks({
            clock,
            stateDir,
            disk,
            protections: () => context().protections,
            onEnded: (why) => log.warn({ why }, 'what was blocked is let through before its time'),
          })
        : undefined;
    this.#spool = new Spool(controllerClock);
    const reports = new RunReports(this.#runs, controllerClock);
    const wanEvents = new WanEvents({
      store: new WanEventStore(stateDir, disk),
      clock,
      controllerClock,
      onNews: () => this.#outbox.pump(),
    });
    const outbox = new Outbox(this.#spool, reports, wanEvents);
    this.#outbox = outbox;
    this.#failovers = new FailoverWork({ table, context, events: wanEvents, outbox, clock, controllerClock, log });
    const onEnded: OnEnded = (by, flows) => this.#failovers.ended(by, flows);
    this.#standingBlocks = this.#blocks && new StandingBlockReports({ blocks: this.#blocks, outbox, controllerClock, log });
    const { policyParts } = deps;
    this.#policyState =
      policyParts &&
      new PolicyStateReports({
        ...policyParts,
        outbox,
        toControllerMs: (wallMs) => clock.now() + controllerClock.offsetMs() - (Date.now() - wallMs),
        log,
      });
    this.#policyWork =
      policyParts &&
      new GatewayPolicyWork({
        ...policyParts,
        redial: () => this.#redialSoon(),
        tell: () => this.#policyState?.tell(),
        log,
      });
    const hands = { onEnded, table, refusals: this.#refusals, blocks: this.#blocks, guard: this.#guard, clock, context, log };
    this.#remediations = new Remediations({
      ...hands,
      stateDir,
      disk,
      runs: this.#runs,
      reports,
      onReport: () => outbox.pump(),
      onRun: (wan, runId) => wanEvents.handledByRun(wan, runId),
    });
    this.#commands = new Commands({
      ...hands,
      gatewayId: deps.identity.gatewayId,
      journal: this.#journal,
      plans,
      undos: new UndoStore(stateDir, plans, disk),
      policyWork: this.#policyWork,
      controllerClock,
      report: outbox,
    });
    this.#emergency = deps.mayActInEmergency
      ? new Emergency({ table, journal: this.#journal, guard: this.#guard, context, log })
      : undefined;
    this.#sampler = new Sampler(
      [
        tableCounters(table),
        new TableWalk({ table, context, now: clock.now, onError: (error) => log.warn({ err: error }, 'the table could not be walked') }),
        wanStates(wans),
        new EventRates(
          () => events?.current?.totals(),
          () => performance.now(),
        ),
      ],
      clock.now,
      (collector, error) => log.warn({ err: error, collector }, 'a sample goes without what a collector should have given'),
    );
    this.#abilities = new ToldAbilities(() => this.#tryAbilities(), clock);
    this.#renewal = new Renewal({
      identity: deps.identity,
      stateDir,
      disk,
      clock,
      controllerClock,
      random,
      log,
      ask: askController,
      onRenewed: () => this.#link.redial('the certificate was renewed'),
    });
    const handling = {
      ...hands,
      commands: this.#commands,
      policyWork: this.#policyWork,
      remediations: this.#remediations,
      witness: this.#witness,
      renewal: this.#renewal,
      spool: this.#spool,
      wanEvents,
      outbox,
      plans,
      isPlanInUse: (planId: string) => this.#commands.usesPlan(planId),
      controllerClock,
      policies: deps.policies,
      policyDecisions: policyParts && new PolicyDecisions({ standing: policyParts.standing, guardRules: () => this.#rules(), log }),
      planning: new PolicyPlanning({
        policies: deps.policies,
        table,
        context,
        own: deps.ownAddresses,
        spared: async () => policyParts?.spared() ?? [],
      }),
    };
    this.#link = new Link({
      identity: () => this.#renewal.identity,
      hello: () => this.#hello(),
      handlers: (client, ended) => handlersOf(handling, client, ended),
      outbox,
      clock,
      controllerClock,
      random,
      log,
      wallNow: Date.now,
      onState: (isOnline, controller, reason) => deps.told?.linkIs(isOnline, controller, reason),
      onWelcome: ({ sampleIntervalMs }) => this.#welcomed(sampleIntervalMs),
      onOpen: () => this.#commands.repeatResults(),
      onCertificateEnded: () => this.#renewal.certificateEnded(),
    });
  }

  /** Works until the signal aborts; then finishes the command under way. */
  async run(signal: AbortSignal): Promise<void> {
    const damage = this.#damage();
    if (damage !== undefined) this.#deps.log.error({ damage }, 'a journal is damaged; no flow is ended here');
    // Before commands: one that a crash interrupted may refuse more.
    await this.#refusals
      ?.adopt()
      .catch((error: unknown) => this.#deps.log.info({ err: error }, 'what was refused before could not be looked for'));
    // Before anything is blocked again: the agent's own channel is to stay out of it.
    await this.#resolveController(signal);
    await this.#blocks
      ?.adopt()
      .catch((error: unknown) => this.#deps.log.info({ err: error }, 'what was blocked before could not be looked for'));
    this.#commands.recover();
    const observe = (wans: readonly Wan[]): void => {
      this.#failovers.observe(wans);
      this.#remediations.observeWans(wans);
    };
    observe(this.#deps.wans());
    const unsubscribe = this.#deps.onWansChange?.(observe);
    await Promise.all([
      this.#link.run(signal),
      this.#renewal.run(signal),
      this.#sampleUntil(signal),
      this.#remediations.run(signal),
      this.#failovers.run(signal),
    ]);
    unsubscribe?.();
    this.#policyWork?.close();
    await this.#commands.idle();
    await this.#refusals?.close();
    await this.#blocks?.close();
    await this.#deps.events?.close();
    await this.#deps.table.close();
    this.#journal.close();
  }

  async #sampleUntil(signal: AbortSignal): Promise<void> {
    const { clock, log } = this.#deps;
    let failure = '';
    while (!signal.aborted) {
      const before = failure;
      try {
        const sample = await this.#sampler.sample();
        this.#remediations.observeUsage(Number(sample.count), sample.max === undefined ? undefined : Number(sample.max));
        this.#spool.add(sample);
        this.#deps.told?.sampled(toReading(sample));
        this.#outbox.pump();
        this.#standingBlocks?.renew();
        await this.#emergency?.consider(toReading(sample));
        failure = '';
      } catch (error) {
        failure = (error as Error).message;
        if (failure !== before) log.warn({ err: error }, 'a sample, or what it called for, failed');
      }
      await this.#tellChanges(failure !== before).catch((error: unknown) =>
        log.warn({ err: error }, 'what this gateway can do could not be tried'),
      );
      await this.#resolveController(signal);
      this.#deps.onTurn?.(this.#sampleIntervalMs);
      await clock.delay(this.#sampleIntervalMs, signal);
    }
  }

  #welcomed(sampleIntervalMs: number): void {
    this.#sampleIntervalMs = Math.min(Math.max(sampleIntervalMs, MIN_SAMPLE_MS), MAX_SAMPLE_MS);
    this.#standingBlocks?.tell();
    this.#policyState?.tell();
    this.#failovers.tell();
  }

  /** A moment later: how far a command is has to be said before. */
  #redialSoon(): void {
    const redial = (): void => this.#link.redial('a policy is in force, and only a new session confirms it');
    this.#deps.clock.delay(REDIAL_MS).then(redial, redial);
  }

  /** The name may point elsewhere after a failover; what is protected follows. The last answer stays where there is no new one. */
  async #resolveController(signal: AbortSignal): Promise<void> {
    const endpoint = await unlessAborted(this.#deps.controller(), signal);
    if (endpoint && endpoint.addresses.length > 0) this.#endpoint = endpoint;
  }

  #context(): FlowContext {
    return {
      wans: this.#deps.wans(),
      virtualAddresses: this.#deps.virtualAddresses?.(),
      protections: [...builtInProtections(this.#deps.ownAddresses(), this.#endpoint, this.#deps.probed?.()), ...this.#guard.protections()],
    };
  }

  /** Where a journal is damaged nobody knows what was done; like a guard file that cannot be read, that forbids everything. */
  #rules(): GuardRules {
    const rules = this.#deps.guardRules();
    const damage = this.#damage();
    return damage === undefined ? rules : { ...rules, error: damage };
  }

  #damage(): string | undefined {
    return this.#journal.damage ?? this.#runs.damage;
  }

  #tryAbilities(): ReturnType<typeof abilitiesOf> {
    const policies = this.#deps.policies.abilities();
    const besides = {
      ...this.#deps.cannot?.(),
      ...this.#remediations.cannot(),
      ...policies.cannot,
      ...(!this.#policyWork && { [APPLIES_POLICY]: UNCHANGEABLE }),
    };
    const whyNotRefuse = async () => (this.#refusals ? this.#refusals.whyNot() : NO_PACKETS);
    const whyNotBlock = async () => (this.#blocks ? this.#blocks.whyNot() : NO_PACKETS);
    return abilitiesOf({
      table: this.#deps.table,
      whyNotRefuse,
      whyNotBlock,
      mayActInEmergency: this.#emergency !== undefined,
      besides,
      also: [...policies.can, ...(this.#policyWork ? [APPLIES_POLICY, REPORTS_POLICY] : [])],
    });
  }

  async #tellChanges(isAtOnce: boolean): Promise<void> {
    if (await this.#abilities.haveChanged(isAtOnce)) this.#link.redial('what this gateway can do has changed');
  }

  async #hello(): Promise<Omit<Hello, 'sentAtMs'>> {
    const { table, hostname, wans } = this.#deps;
    const { tableError, ...capabilities } = await this.#abilities.tell();
    return {
      protocolVersion: PROTOCOL_VERSION,
      agentVersion: AGENT_VERSION,
      hostname,
      kernel: table.kind === 'kernel' ? os.release() : '',
      tableKind: table.kind,
      capabilities,
      wans: wans().map(toWireWan),
      lastEpoch: this.#journal.state.lastEpoch,
      lastSeq: this.#journal.state.lastSeq,
      guard: this.#guard.toWire(),
      witnessed: [...this.#witness.kept],
      tableError,
      instanceId: this.#instanceId,
      remediationsDigest: this.#remediations.digest,
    };
  }
}

function toReading({ atMs, count, max, cpus }: Sample): TableReading {
  const drops = cpus.flatMap(({ drop }) => (drop === undefined ? [] : [Number(drop)]));
  return {
    atMs: Number(atMs),
    count: Number(count),
    max: max === undefined ? undefined : Number(max),
    drop: drops.length === 0 ? undefined : drops.reduce((sum, one) => sum + one),
  };
}
