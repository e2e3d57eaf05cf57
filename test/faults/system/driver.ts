import { setTimeout as delay } from 'node:timers/promises';
import { routes } from '../../../proto/http/routes.ts';
import type { Ask } from '../history.ts';
import type { Operator } from './operator.ts';
import { slotFilter } from './slots.ts';

const AGAIN_MS = 250;
/** One flush in this many is cancelled at once, and one goes in waves. */
const CANCEL_EVERY = 12;
const WAVES_EVERY = 5;

/**
 * Makes plans and runs them, one slot after another, for two tenants in turn, until enough commands have been requested. It keeps what it
 * asked for and how that was answered.
 */
export class Driver {
  readonly asks: Ask[] = [];
  /** Commands of flushes that were accepted. */
  commands = 0;
  /** What kept each slot in progress from going on, the last time. */
  readonly waits = new Map<number, string>();
  readonly #operator: Operator;
  readonly #tenantIds: readonly string[];
  readonly #slots: number;
  #slot = 0;

  constructor(operator: Operator, tenantIds: readonly string[], slots: number) {
    this.#operator = operator;
    this.#tenantIds = tenantIds;
    this.#slots = slots;
  }

  /**
   * Resolves when at least this many commands have been requested and the run is complete, or there are no flows left to end. Slots are
   * spread over the run: no more of them are begun than the share of it that has passed, so that the last fault finds as many commands in
   * progress as the first.
   * @param share from 0 to 1; 1 if nothing more is to come
   */
  async drive(commands: number, atOnce: number, share: () => number): Promise<void> {
    const isEnough = (): boolean => this.commands >= commands && share() === 1;
    await Promise.all(
      Array.from({ length: atOnce }, async () => {
        while (!isEnough() && this.#slot < this.#slots) {
          if (this.#slot < this.#slots * share()) await this.#one(this.#slot++);
          else await delay(AGAIN_MS);
        }
      }),
    );
  }

  async #one(slot: number): Promise<void> {
    this.waits.set(slot, 'a plan');
    const plan = await this.#plan(slot);
    this.waits.set(slot, `a run of ${plan.id}`);
    const flushId = await this.#run(plan.id, plan.digest, slot % WAVES_EVERY === 0);
    this.waits.delete(slot);
    if (flushId === undefined) return;
    this.commands += plan.gateways.filter((gateway) => gateway.flows > 0).length;
    if (slot % CANCEL_EVERY === CANCEL_EVERY - 1) await this.#operator.ask(routes.cancelFlush, { params: { id: flushId } });
  }

  /** Asks until there is a plan with flows: while gateways are offline, there are none. */
  async #plan(slot: number) {
    const tenantId = this.#tenantIds[slot % this.#tenantIds.length]!;
    for (;;) {
      const plan = await this.#operator.ask(routes.createPlan, {
        body: { filter: slotFilter(slot), scope: { tenants: [tenantId] }, reason: `slot ${slot}` },
      });
      if (plan.kind === 'ok' && plan.body.totals.flows > 0) return plan.body;
      this.waits.set(slot, `a plan: ${plan.kind === 'ok' ? JSON.stringify(plan.body.gateways) : JSON.stringify(plan)}`);
      await delay(AGAIN_MS);
    }
  }

  /** Asks until the outcome is known: a plan runs once, so asking again does no harm. */
  async #run(planId: string, digest: string, waves: boolean): Promise<string | undefined> {
    for (;;) {
      const answer = await this.#operator.ask(routes.runPlan, { params: { id: planId }, body: { digest, waves } });
      switch (answer.kind) {
        case 'ok':
          this.#note({ planId, digest, answer: 'accepted', flushId: answer.body.flushId });
          return answer.body.flushId;
        case 'refused':
          this.#note({ planId, digest, answer: 'refused' });
          if (answer.code !== 'PLAN_ALREADY_RUN') return undefined;
          return this.#flushOf(planId);
        case 'none':
          this.#note({ planId, digest, answer: 'unknown' });
          await delay(AGAIN_MS);
      }
    }
  }

  /** The plan ran although its answer was lost: from here on it counts as accepted. Undefined: the database went back to before it ran. */
  async #flushOf(planId: string): Promise<string | undefined> {
    for (;;) {
      const answer = await this.#operator.ask(routes.getPlan, { params: { id: planId } });
      if (answer.kind === 'none') {
        await delay(AGAIN_MS);
        continue;
      }
      if (answer.kind === 'refused' || answer.body.flushId === undefined) return undefined;
      this.#note({ planId, digest: answer.body.digest, answer: 'accepted', flushId: answer.body.flushId });
      return answer.body.flushId;
    }
  }

  #note(ask: Omit<Ask, 'atMs'>): void {
    this.asks.push({ ...ask, atMs: Date.now() });
  }
}
