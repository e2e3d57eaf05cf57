import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { pino } from 'pino';
import { Agent } from '../../agent/agent.ts';
import { MemoryTable } from '../../agent/conntrack/memory/memory-table.ts';
import { identityOf } from '../../agent/enrolment.ts';
import type { Identity } from '../../agent/link/identity.ts';
import { NO_RULES } from '../../agent/operations/local-guard.ts';
import { systemClock } from '../../agent/time/clock.ts';
import { MemoryPolicies } from '../../agent/policies/reading/memory-policies.ts';
import type { TestController } from './controller-fleet.ts';

const log = pino({ level: process.env.CTFLEET_TEST_LOG ?? 'silent' });
/** Of the ten minutes within which a fleet renews, as little as the agent's own patience allows. */
const random = (): number => 0.0001;

/** A whole agent in this process that can be away: it stops, keeps its state folder, and comes back with it. */
export class SleepingAgent {
  readonly name: string;
  readonly stateDir: string;
  #stop: AbortController | undefined;
  #running: Promise<void> | undefined;

  private constructor(name: string, stateDir: string) {
    [this.name, this.stateDir] = [name, stateDir];
  }

  static async enrol(name: string, controller: TestController, joinToken: string): Promise<SleepingAgent> {
    const agent = new SleepingAgent(name, mkdtempSync(path.join(os.tmpdir(), 'ctfleet-agent-')));
    await agent.wake(controller, joinToken);
    return agent;
  }

  /** As it is on disk. */
  get identity(): Identity {
    return JSON.parse(readFileSync(path.join(this.stateDir, 'identity.json'), 'utf8')) as Identity;
  }

  get gatewayId(): string {
    return this.identity.gatewayId;
  }

  async wake(controller: TestController, joinToken?: string): Promise<void> {
    const stop = new AbortController();
    this.#stop = stop;
    const { stateDir, name } = this;
    const identity = await identityOf({
      stateDir,
      hostname: name,
      clock: systemClock,
      random,
      log,
      signal: stop.signal,
      enrolAddress: controller.enrolAddress,
      linkAddress: controller.linkAddress,
      joinToken,
    });
    const agent = new Agent({
      identity,
      stateDir,
      table: new MemoryTable({ now: Date.now }),
      wans: () => [],
      policies: new MemoryPolicies(),
      ownAddresses: () => [],
      guardRules: () => NO_RULES,
      controller: async () => ({ addresses: [], port: 0 }),
      clock: systemClock,
      random,
      log,
      hostname: name,
    });
    this.#running = agent.run(stop.signal);
  }

  async sleep(): Promise<void> {
    this.#stop?.abort();
    await this.#running;
    this.#running = undefined;
  }

  async end(): Promise<void> {
    await this.sleep();
    rmSync(this.stateDir, { recursive: true });
  }
}
