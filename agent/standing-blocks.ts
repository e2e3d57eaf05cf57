import type { Logger } from 'pino';
import { toWireRefused } from '../proto/wire/block.ts';
import type { Outbox } from './link/outbox.ts';
import type { Blocks } from './firewall/tables/blocks.ts';
import type { ControllerClock } from './time/controller-clock.ts';

export interface StandingBlockDependencies {
  blocks: Blocks;
  outbox: Outbox;
  controllerClock: ControllerClock;
  log: Logger;
}

/** Tells the controller what is blocked, as it stands now: at each change, when asked to, and for as long as there is any with `renew`. */
export class StandingBlockReports {
  readonly #deps: StandingBlockDependencies;
  #told = 0;

  constructor(deps: StandingBlockDependencies) {
    this.#deps = deps;
    deps.blocks.onChange(() => this.tell());
  }

  tell(): void {
    const { blocks, log } = this.#deps;
    void blocks
      .standing()
      .then((standing) => this.#say(standing))
      .catch((error: unknown) => log.warn({ err: error }, 'what is blocked could not be told'));
  }

  /** With each sample, so that the counts are young. */
  renew(): void {
    if (this.#told > 0) this.tell();
  }

  #say(standing: Awaited<ReturnType<Blocks['standing']>>): void {
    const { outbox, controllerClock } = this.#deps;
    const offsetMs = controllerClock.offsetMs();
    const at = (ms: number): bigint => BigInt(Math.round(ms + offsetMs));
    outbox.standingBlocks({
      blocks: standing.map(({ id, planId, refused, flows, sinceMs, untilMs, packets }) => ({
        id,
        planId,
        refused: toWireRefused(refused),
        flows,
        sinceMs: at(sinceMs),
        untilMs: at(untilMs),
        packetsRefused: packets,
      })),
    });
    this.#told = standing.length;
  }
}
