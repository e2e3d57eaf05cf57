import { appendFileSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { pino } from 'pino';
import { steadyNow, type Clock } from '../../agent/time/clock.ts';
import { ControllerClock } from '../../agent/time/controller-clock.ts';
import type { FlowContext } from '../../agent/conntrack/table.ts';
import { Disk } from '../../agent/disk/disk.ts';
import { Commands } from '../../agent/operations/commands.ts';
import { builtInProtections } from '../../agent/operations/guard.ts';
import { Lately } from '../../agent/operations/lately.ts';
import { LocalGuard, NO_RULES, type GuardRules } from '../../agent/operations/local-guard.ts';
import { PlanStore } from '../../agent/operations/plan-store.ts';
import { UndoStore } from '../../agent/operations/undo-store.ts';
import { GENESIS, hashEntry } from '../../controller/audit/chain.ts';
import { Method, Progress_Phase, Result_State, type Command, type Result } from '../../proto/gen/ctfleet/v1/operation.ts';
import type { Flow } from '../../proto/model/flow.ts';
import { entryOf } from '../support/sample-entries.ts';
import { claimsOf } from './claims.ts';
import type { DiskFault, PowerCutDisk } from './disk.ts';
import { emptyHistory, nameOf, type GatewayRow, type OwnDeed } from './history.ts';
import { carryOutRemediation } from './stage-remediation.ts';
import { WatchedJournal } from './watched-journal.ts';
import { WatchedTable } from './watched-table.ts';
import { filterOf } from '../support/filter-of.ts';

const GATEWAY = 'gateway';
const TENANT = 'tenant';
const METHODS = { delete: Method.METHOD_DELETE, expire: Method.METHOD_EXPIRE } as const;
type MethodWord = keyof typeof METHODS;

/** `notAfterMs`: in the stage's own time. `isInvented`: no controller that counts honestly made it, and nobody asked for it. */
interface CommandOptions {
  method?: MethodWord;
  seq?: bigint;
  epoch?: bigint;
  notAfterMs?: number;
  verifyAfterMs?: number;
  undoForSeconds?: number;
  undoOf?: string;
  digest?: Buffer;
  isInvented?: boolean;
}
type Moment = 'receipt' | 'said';

interface Life {
  commands: Commands;
  journal: WatchedJournal;
  plans: PlanStore;
  guard: LocalGuard;
  clock: Clock;
  controllerClock: ControllerClock;
  context: () => FlowContext;
}

/** Ends one life of the agent from within. */
class PowerCut extends Error {}
process.on('unhandledRejection', (error) => {
  if (!(error instanceof PowerCut)) throw error;
});

/**
 * One gateway whose table outlives its agent as the kernel's does; its clock, its disk and the controller's part are in the scenario's
 * hands. It records the history. `nowMs` is true time, which the history uses; the gateway and the controller each have a clock of their
 * own, which can be set.
 */
export class AgentStage {
  readonly history = emptyHistory();
  readonly table = new WatchedTable({ now: () => this.nowMs });
  /** Far enough from 1970 that a clock set back still shows a valid time. */
  nowMs = 1_000_000_000_000;
  /** What the guard file says, in addition to what it always protects. */
  rules: GuardRules = NO_RULES;
  #gatewayAheadMs = 0;
  #controllerAheadMs = 0;
  readonly #disk: PowerCutDisk;
  #folder: string;
  #life = 0;
  #lastSeq = 0n;
  #cutAt: Moment | undefined;
  #agent: Life;

  private constructor(disk: PowerCutDisk) {
    this.#disk = disk;
    this.#folder = disk.newFolder();
    fill(this.table);
    this.#agent = this.#begin();
  }

  /** A new stage. Flows that must stay are recognised by their ports: whether the agent knows them is what scenarios are to show. */
  static async set(disk: PowerCutDisk): Promise<AgentStage> {
    const stage = new AgentStage(disk);
    const kept = [...(await stage.flows('dport:4444')), ...(await stage.flows('dport:179'))].map(nameOf);
    stage.history.gateways.push({ id: GATEWAY, tenantId: TENANT, protectedFlows: new Set(kept) });
    return stage;
  }

  async flows(text: string): Promise<Flow[]> {
    return (await this.table.search({ filter: filterOf(text), context: this.#agent.context(), limit: 1000 })).rows;
  }

  /** Freezes what a filter finds, as when an operator asks for a plan; protected flows are included only if a lying controller asks. */
  async freeze(
    planId: string,
    text: string,
    { method = 'delete', withProtected = false }: { method?: MethodWord; withProtected?: boolean } = {},
  ): Promise<Buffer> {
    const flows = (await this.flows(text)).filter((flow) => withProtected || flow.protectedBy === undefined);
    const digest = await this.#disk.whileSound(async () => this.write(planId, flows));
    this.history.plans.push({
      id: planId,
      digest: digest.toString('hex'),
      method,
      isApproved: false,
      needsApproval: false,
      flows: new Map([[GATEWAY, new Set(flows.map(nameOf))]]),
    });
    return digest;
  }

  /** Puts a plan on the gateway that nobody was shown. */
  write(planId: string, flows: Flow[]): Buffer {
    const writer = this.#agent.plans.begin(planId, this.#controllerMs() + 300_000);
    flows.forEach((flow) => writer.add(flow));
    return writer.finish();
  }

  /** A command as the controller makes it, with its decision on record. */
  command(id: string, planId: string, options: CommandOptions = {}): Command {
    const {
      method = 'delete',
      seq = this.#lastSeq + 1n,
      epoch = 1n,
      notAfterMs = this.nowMs + 120_000,
      verifyAfterMs = 500,
      undoForSeconds = 0,
      undoOf,
      digest = Buffer.alloc(0),
      isInvented = false,
    } = options;
    const work: Command['work'] =
      undoOf === undefined
        ? {
            $case: 'runPlan',
            value: {
              planId,
              digest,
              method: METHODS[method],
              verifyAfterMs,
              undoForSeconds,
              forSeconds: method === 'expire' ? 40 : undefined,
            },
          }
        : { $case: 'undoPlan', value: { planId, commandId: undoOf } };
    const command = { id, seq, epoch, notAfterMs: BigInt(notAfterMs + this.#controllerAheadMs), work };
    if (isInvented) return command;
    this.#lastSeq = seq;
    this.history.commands.push({
      id,
      gatewayId: GATEWAY,
      tenantId: TENANT,
      flushId: `flush of ${id}`,
      planId,
      seq,
      state: 'sent',
      createdAtMs: this.nowMs,
      notAfterMs,
      undoOf,
    });
    this.#decide(`flush of ${id}`);
    return command;
  }

  /** Hands a command to the agent, as a session does. */
  deliver(command: Command): void {
    unlessCut(() => this.#agent.commands.accept(command));
  }

  stop(...ids: string[]): void {
    this.#agent.commands.stop(ids);
  }

  acknowledge(id: string): void {
    this.#agent.commands.acknowledge(id);
  }

  /** What was sent before was lost with its session; a new one is open. */
  openSession(): void {
    this.#note({ kind: 'session' });
    this.#agent.controllerClock.welcome(this.#controllerMs(), this.#agent.clock.now());
    unlessCut(() => this.#agent.commands.repeatResults());
  }

  /** The scenario has ended; so does its agent. */
  close(): void {
    this.#agent.journal.close();
  }

  /** Somebody sets the gateway's clock forward or back. */
  setGatewayClock(byMs: number): void {
    this.#gatewayAheadMs += byMs;
  }

  /** Somebody sets the controller's clock forward or back; its next ping carries the new time. */
  setControllerClock(byMs: number): void {
    this.#controllerAheadMs += byMs;
    if (!this.#agent.controllerClock.hear(this.#controllerMs())) this.openSession();
  }

  /** What the gateway's owner allows, and what its tenant allows without a second person. */
  limit({ maxDeletesAMinute, maxFlowsAlone }: Pick<GatewayRow, 'maxDeletesAMinute' | 'maxFlowsAlone'>): void {
    Object.assign(this.history.gateways[0]!, { maxDeletesAMinute, maxFlowsAlone });
    this.rules = { ...this.rules, mostDeletesAMinute: maxDeletesAMinute };
  }

  /** A remediation of the gateway finds these flows, and ends them by itself if it may. */
  async remediate(remediationId: string, text: string): Promise<void> {
    const { clock, guard, context } = this.#agent;
    this.table.onDeed = (kind, flows) => this.#note(kind === 'sampled' ? { kind } : { kind, flows, remediationId });
    const place = { table: this.table, stateDir: this.#folder, files: this.#disk.files, now: clock.now, guard, context };
    await carryOutRemediation(place, { id: remediationId, filter: text, maxFlowsAlone: this.history.gateways[0]!.maxFlowsAlone });
    this.#watchTable();
  }

  /** Resolves when the agent has nothing more to do, or is dead. */
  async settle(): Promise<void> {
    await this.#agent.commands.idle().catch((error: unknown) => {
      if (!(error instanceof PowerCut)) throw error;
    });
  }

  /** The agent gets no further than this change of its table; resolves when it is there. */
  hangs(when: 'before' | 'after', kind: 'delete' | 'expire' | 'restore'): Promise<void> {
    return new Promise((resolve) => {
      this.table[when] = (deed) => (deed === kind ? new Promise(() => resolve()) : Promise.resolve());
    });
  }

  /** Power is cut at the very moment when the agent says that. */
  cutPowerAt(moment: Moment): void {
    this.#cutAt = moment;
  }

  /** Undefined: the disk works again. */
  set diskFault(fault: DiskFault | undefined) {
    this.#disk.fault = fault;
  }

  /** A byte of the journal, in the record with that number, is altered while the agent is down. */
  damageJournal(record: number): void {
    const file = path.join(this.#folder, 'journal');
    const lines = readFileSync(file, 'utf8').split('\n');
    lines[record] = `${lines[record]!.slice(0, -3)}#${lines[record]!.slice(-2)}`;
    writeFileSync(file, lines.join('\n'));
  }

  /** A new life on what kill -9 left, or after cutPowerAt on what was left then. `damage` is added to the journal. */
  restart({ damage = '' }: { damage?: string } = {}): void {
    this.#revive(this.#disk.afterKill(this.#folder), damage);
  }

  /** Power fails, and comes back. */
  cutPower(): void {
    this.#revive(this.#disk.afterPowerCut(this.#folder), '');
  }

  #revive(folder: string, damage: string): void {
    this.#folder = folder;
    this.#agent.journal.close();
    if (damage) appendFileSync(path.join(folder, 'journal'), damage);
    this.#agent = this.#begin();
    unlessCut(() => this.#agent.commands.recover());
  }

  #begin(): Life {
    const life = ++this.#life;
    const folder = this.#folder;
    this.#cutAt = undefined;
    this.table.before = this.table.after = () => Promise.resolve();
    this.#watchTable();
    this.#note({ kind: 'began' });
    const say = (moment: Moment, deed: OwnDeed): void => {
      if (life !== this.#life) return;
      this.#note(deed);
      if (this.#cutAt !== moment) return;
      // Whatever the agent does from here on has no effect.
      this.#folder = this.#disk.afterPowerCut(folder);
      this.#life++;
      throw new PowerCut();
    };
    const clock: Clock = {
      now: steadyNow(
        () => this.nowMs + this.#gatewayAheadMs,
        () => this.nowMs,
      ),
      delay: async (ms) => void (this.nowMs += ms),
    };
    const controllerClock = new ControllerClock(clock.now);
    controllerClock.welcome(this.#controllerMs(), clock.now());
    const files = new Disk({ files: this.#disk.files, now: clock.now });
    const plans = new PlanStore(folder, files);
    const guard = new LocalGuard(
      () => {
        if (life !== this.#life) throw new PowerCut();
        return { ...this.rules, protections: [{ reason: 'kept by its owner', filter: filterOf('dport:179') }] };
      },
      new Lately(clock.now, folder, files),
    );
    const context = (): FlowContext => ({
      wans: [],
      protections: [...builtInProtections(['10.0.0.1'], { addresses: ['192.0.2.9'], port: 4444 }), ...guard.protections()],
    });
    const journal = new WatchedJournal(folder, files, (deed) => {
      if (life === this.#life) this.#note(deed);
    });
    const commands = new Commands({
      table: this.table,
      plans,
      undos: new UndoStore(folder, plans, files),
      guard,
      context,
      log: pino({ level: 'silent' }),
      controllerClock,
      clock,
      journal,
      report: {
        progress: ({ commandId, phase }) => {
          if (phase === Progress_Phase.PHASE_RECEIVED) say('receipt', { kind: 'receipt', commandId });
        },
        result: ({ commandId, runs, state, reason }: Result) => {
          const refusedAs = state === Result_State.STATE_REFUSED || state === Result_State.STATE_EXPIRED ? reason : undefined;
          say('said', { kind: 'said', commandId, claims: claimsOf(runs), refusedAs });
        },
      },
    });
    return { commands, journal, plans, guard, clock, controllerClock, context };
  }

  #watchTable(): void {
    this.table.onDeed = (kind, flows) => this.#note(kind === 'sampled' ? { kind } : { kind, flows });
  }

  #controllerMs(): number {
    return this.nowMs + this.#controllerAheadMs;
  }

  #note(deed: OwnDeed): void {
    this.history.deeds.push({ ...deed, gatewayId: GATEWAY, life: this.#life, atMs: this.nowMs });
  }

  #decide(flushId: string): void {
    const before = this.history.audit.at(-1);
    const entry = {
      id: flushId,
      chain: TENANT,
      seq: (before?.seq ?? 0) + 1,
      at: new Date(this.nowMs).toISOString(),
      actor: { kind: 'user', id: 'operator', name: 'Operator' },
      action: 'flush.started',
      outcome: 'ok',
      summary: 'Operator began',
      flushId,
      detail: {},
      previousHash: before?.hash ?? GENESIS,
    };
    this.history.audit.push({ ...entry, hash: hashEntry(entry) });
  }
}

/** Twenty registrations, some DNS, and two flows that must stay: the agent's own and one that the gateway's owner protects. */
function fill(table: WatchedTable): void {
  for (let n = 1; n <= 20; n++)
    table.insert(
      entryOf({ proto: 17, orig: { src: `10.1.0.${n}`, dst: '198.51.100.10', sport: 5060, dport: 5060 }, timeoutSeconds: 86_400 }),
    );
  for (let n = 1; n <= 5; n++)
    table.insert(
      entryOf({ proto: 17, orig: { src: `10.1.0.${n}`, dst: '198.51.100.53', sport: 2000, dport: 53 }, timeoutSeconds: 86_400 }),
    );
  table.insert(
    entryOf({
      proto: 6,
      orig: { src: '10.0.0.1', dst: '192.0.2.9', sport: 40_000, dport: 4444 },
      state: 'ESTABLISHED',
      timeoutSeconds: 432_000,
    }),
  );
  table.insert(
    entryOf({
      proto: 6,
      orig: { src: '10.1.0.99', dst: '198.51.100.99', sport: 40_001, dport: 179 },
      state: 'ESTABLISHED',
      timeoutSeconds: 432_000,
    }),
  );
}

function unlessCut(work: () => void): void {
  try {
    work();
  } catch (error) {
    if (!(error instanceof PowerCut)) throw error;
  }
}
