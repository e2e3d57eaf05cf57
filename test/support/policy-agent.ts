import { Progress_Phase, Result_State, type Command, type Result } from '../../proto/gen/ctfleet/v1/operation.ts';
import type { PendingPolicy } from '../../proto/gen/ctfleet/v1/policy.ts';
import type { PolicyReading } from '../../proto/model/policy/gateway-reading.ts';
import { toWirePolicyReading } from '../../proto/wire/policy.ts';
import { FakeAgent } from './controller-fake-agent.ts';
import type { TestController } from './controller-fleet.ts';

/** What a policy agent can do. */
export const POLICY_ABILITIES = { can: ['delete', 'read-policy', 'apply-policy', 'report-policy'], cannot: {} };
/** How a gateway of these tests is set before anything is rolled out. */
export const BEFORE: PolicyReading = {
  actual: {
    settings: { nf_conntrack_max: 262_144, nf_conntrack_icmp_timeout: 30, nf_conntrack_generic_timeout: 600 },
    unsettable: {},
    helpers: [],
  },
  helpers: [],
  foreign: { rules: [], undecoded: [], unread: [], left: 0 },
  unread: [],
};

/** A test's agent that is asked to put a policy in force, and says what the test has it say. */
export class PolicyAgent {
  readonly agent: FakeAgent;
  reading: PolicyReading = BEFORE;
  /** Ids of commands that the controller confirmed. */
  readonly confirmed: string[] = [];
  /** What is done with a command; by itself it is put in force, and confirmed over a new session. */
  onApply: (command: Command) => void = (command) => this.keepSoon(command);

  constructor(agent: FakeAgent) {
    this.agent = agent;
    agent.onCommand = (command) => {
      if (command.work?.$case === 'applyPolicy' && agent.commands.filter(({ id }) => id === command.id).length === 1) this.onApply(command);
      return undefined;
    };
    agent.onConfirm = (id) => {
      this.confirmed.push(id);
      this.finish(id, { state: Result_State.STATE_DONE });
    };
    agent.onQuery = () => [
      {
        $case: 'head',
        value: {
          snapshotAtMs: BigInt(Date.now()),
          total: 0n,
          tableCount: 0n,
          facets: [],
          explain: [],
          spared: [],
          policy: toWirePolicyReading(this.reading),
        },
      },
      { $case: 'end', value: { rows: 0, digest: Buffer.alloc(0) } },
    ];
  }

  get id(): string {
    return this.agent.gatewayId;
  }

  async connect(controller: Pick<TestController, 'linkAddress'>, can = POLICY_ABILITIES): Promise<void> {
    await this.agent.connect(controller.linkAddress, { capabilities: can });
    this.at = controller;
  }
  private at: Pick<TestController, 'linkAddress'> | undefined;

  /** Puts it in force and comes back on a new session, at another replica if one is given. */
  async keep(command: Command, at = this.at!): Promise<void> {
    this.inForce(command);
    await this.again(at);
    this.pending(command.id);
  }

  /** The same where nobody waits for it: a test that ends may come before. */
  keepSoon(command: Command, at = this.at!): void {
    this.keep(command, at).catch(() => undefined);
  }

  inForce({ id: commandId }: Command): void {
    this.agent.send({ $case: 'progress', value: { commandId, phase: Progress_Phase.PHASE_CONFIRMING, done: 0, total: 0 } });
  }

  /** A new session in the place of the one that there is. */
  async again(at = this.at!): Promise<void> {
    this.agent.disconnect();
    await this.connect(at);
  }

  pending(commandId: string, more: Partial<PendingPolicy> = {}): void {
    const pending = { changeId: 'c', policy: 'p', commandId, untilMs: BigInt(Date.now() + 60_000), isInForce: true, ...more };
    this.agent.send({ $case: 'policyState', value: { pending, drift: [], driftLeft: 0, unknown: '' } });
  }

  /** What it is held to, by the digest of its values; by nothing without one. */
  heldTo(documentSha256?: string): void {
    const inForce =
      documentSha256 === undefined ? undefined : { changeId: 'c', policy: 'p', documentSha256, commandId: '', sinceMs: BigInt(Date.now()) };
    this.agent.send({ $case: 'policyState', value: { inForce, drift: [], driftLeft: 0, unknown: '' } });
  }

  /** The policy was put back. */
  restore(commandId: string, detail = 'It was not confirmed in time.', reason = 'POLICY_RESTORED'): void {
    this.finish(commandId, { state: Result_State.STATE_FAILED, reason, detail });
  }

  refuse(commandId: string, detail: string): void {
    this.finish(commandId, { state: Result_State.STATE_REFUSED, reason: 'PLAN_DRIFTED', detail });
  }

  finish(commandId: string, result: Partial<Result>): void {
    const now = BigInt(Date.now());
    const value = { commandId, state: Result_State.STATE_DONE, reason: '', detail: '', runs: [], part: 0, isLastPart: true };
    this.agent.send({ $case: 'result', value: { ...value, startedAtMs: now, finishedAtMs: now, ...result } });
  }
}
