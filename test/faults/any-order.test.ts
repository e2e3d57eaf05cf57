import fc from 'fast-check';
import { mkdtempSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import type { Command } from '../../proto/gen/ctfleet/v1/operation.ts';
import { entryOf } from '../support/sample-entries.ts';
import { AgentStage } from './agent-stage.ts';
import { DISK_FAULTS, PowerCutDisk } from './disk.ts';
import { checkInvariants } from './invariants.ts';

let root: string;
let disk: PowerCutDisk;
beforeAll(() => {
  root = mkdtempSync(path.join(os.tmpdir(), 'ctfleet-order-'));
  disk = new PowerCutDisk(root);
});
afterAll(() => rmSync(root, { recursive: true }));

const MINUTE_MS = 60_000;
const DAY_MS = 24 * 60 * MINUTE_MS;
const FILTERS = ['dport:5060', 'dport:53', 'src:10.1.0.0/29', 'proto:tcp', 'proto:udp', ''];

/** What may happen next to a gateway. A kill may come just before or just after the table changes. */
const happening = fc.oneof(
  {
    weight: 4,
    arbitrary: fc.record({
      kind: fc.constant('run' as const),
      filter: fc.nat(FILTERS.length - 1),
      isLying: fc.boolean(),
      undoForSeconds: fc.constantFrom(0, 300),
      waitMs: fc.constantFrom(0, 0, 0, 60_000),
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      kind: fc.constant('kill' as const),
      when: fc.constantFrom('before' as const, 'after' as const),
      filter: fc.nat(FILTERS.length - 1),
    }),
  },
  fc.record({
    kind: fc.constant('power' as const),
    at: fc.constantFrom('receipt' as const, 'said' as const, 'rest' as const),
    filter: fc.nat(FILTERS.length - 1),
  }),
  fc.record({ kind: fc.constant('again' as const), which: fc.nat(20) }),
  fc.record({ kind: fc.constant('undo' as const), which: fc.nat(20) }),
  fc.record({ kind: fc.constant('stale' as const), epoch: fc.nat(2), seq: fc.nat(3) }),
  fc.record({ kind: fc.constant('stop' as const) }),
  fc.record({ kind: fc.constant('reborn' as const), from: fc.integer({ min: 1, max: 20 }), count: fc.nat(5) }),
  fc.record({ kind: fc.constant('session' as const) }),
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('disk' as const), fault: fc.constantFrom(undefined, ...DISK_FAULTS) }) },
  fc.record({
    kind: fc.constant('clock' as const),
    whose: fc.constantFrom('gateway' as const, 'controller' as const),
    byMs: fc.constantFrom(-10 * MINUTE_MS, 10 * MINUTE_MS, -2 * DAY_MS, 2 * DAY_MS),
  }),
);
type Happening = typeof happening extends fc.Arbitrary<infer T> ? T : never;

/** Plays the steps one after another on a gateway, with whatever commands came before. */
class Story {
  readonly stage: AgentStage;
  readonly #commands: Command[] = [];
  /** A deadline is stated by the controller's clock: it means nothing by the clock that has since been set. */
  #clockSetAt = 0;

  constructor(stage: AgentStage) {
    this.stage = stage;
  }

  async happen(next: Happening): Promise<void> {
    const { stage } = this;
    switch (next.kind) {
      case 'run': {
        const command = await this.#order(next.filter, next);
        stage.nowMs += next.waitMs * 3;
        stage.deliver(command);
        return stage.settle();
      }
      case 'kill': {
        const command = await this.#order(next.filter, {});
        const there = stage.hangs(next.when, 'delete');
        stage.deliver(command);
        await Promise.race([there, stage.settle()]);
        stage.restart();
        return stage.settle();
      }
      case 'power': {
        const command = await this.#order(next.filter, {});
        if (next.at !== 'rest') stage.cutPowerAt(next.at);
        stage.deliver(command);
        await stage.settle();
        if (next.at === 'rest') stage.cutPower();
        else stage.restart();
        return stage.settle();
      }
      case 'again': {
        const recent = this.#commands.slice(this.#clockSetAt);
        const command = recent[next.which % Math.max(1, recent.length)];
        if (command) stage.deliver(command);
        return stage.settle();
      }
      case 'undo': {
        const run = this.#commands[next.which % Math.max(1, this.#commands.length)];
        if (run?.work?.$case !== 'runPlan') return;
        stage.deliver(this.#keep(stage.command(`u${this.#commands.length}`, run.work.value.planId, { undoOf: run.id })));
        return stage.settle();
      }
      case 'stale': {
        const digest = await stage.freeze(this.#planId(), 'dport:53');
        stage.deliver(
          this.#keep(
            stage.command(`c${this.#commands.length}`, this.#planId(), { digest, epoch: BigInt(next.epoch), seq: BigInt(next.seq) }),
          ),
        );
        return stage.settle();
      }
      case 'stop': {
        const command = await this.#order(0, {});
        stage.stop(command.id);
        stage.deliver(command);
        return stage.settle();
      }
      case 'reborn': {
        const flows = (await stage.flows('dport:5060')).slice(next.from, next.from + next.count);
        await stage.table.endQuietly(flows);
        for (const { orig } of flows) stage.table.insert(entryOf({ proto: 17, orig, timeoutSeconds: 86_400 }));
        return;
      }
      case 'session':
        return stage.openSession();
      case 'disk':
        stage.diskFault = next.fault;
        return;
      case 'clock':
        if (next.whose === 'gateway') return stage.setGatewayClock(next.byMs);
        this.#clockSetAt = this.#commands.length;
        return stage.setControllerClock(next.byMs);
    }
  }

  /** A plan and the command that runs it; a lying one includes protected flows. */
  async #order(filter: number, { isLying = false, undoForSeconds = 0 }: { isLying?: boolean; undoForSeconds?: number }): Promise<Command> {
    const digest = await this.stage.freeze(this.#planId(), FILTERS[filter]!, { withProtected: isLying });
    return this.#keep(this.stage.command(`c${this.#commands.length}`, this.#planId(), { digest, undoForSeconds }));
  }

  #planId(): string {
    return `01900000-0000-7000-8000-${String(this.#commands.length).padStart(12, '0')}`;
  }

  #keep(command: Command): Command {
    this.#commands.push(command);
    return command;
  }
}

it('whatever happens to a gateway in whatever order, only what was shown is done, once, and every other promise holds', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(happening, { minLength: 2, maxLength: 10 }), async (happenings) => {
      disk.fault = undefined;
      const story = new Story(await AgentStage.set(disk));
      for (const next of happenings) await story.happen(next);
      disk.fault = undefined;
      story.stage.openSession();
      story.stage.close();
      expect(checkInvariants(story.stage.history)).toEqual([]);
    }),
    { numRuns: 100 },
  );
});
