import { Inject, Injectable } from '@nestjs/common';
import { CLOCK, type Clock } from '../platform/clock.ts';
import { CONFIG, type Config } from '../platform/config.ts';
import { AskingTurns } from './asking-turns.ts';
import { Changes } from './changes.ts';
import { OwnSignals } from './own-signals.ts';
import type { RoundAnswer, RoundAsk, Rounds } from './rounds.ts';

/** How the gateways of one search are asked, and who is told what came of it. */
export interface Conversation<Answer extends RoundAnswer> {
  ask(ask: RoundAsk, deadlineMs: number, signal: AbortSignal): Promise<Answer>;
  /** It answered, and `lie` says why that cannot be true. */
  heard(gatewayId: string, answer: Answer, lie: string | undefined): void;
  /** Throws if the error is not that gateway's alone. */
  failed(gatewayId: string, error: unknown): void;
  /** The time is over before all was said. */
  silent(gatewayIds: string[]): void;
}

/** The share of a search's time after which the next round begins without those that have not answered the first. */
const FIRST_ROUND = 1 / 5;
/** The share of what is left that a later round has at most, so that one silent gateway leaves time for the others. */
const LATER_ROUND = 1 / 2;
/** After so long a silent gateway's question no longer keeps others from being asked. */
const PATIENCE_MS = 250;

/** Carries out the rounds of searches: so many questions at once over all searches of this process, and each search within its time. */
@Injectable()
export class SearchingService {
  readonly turns: AskingTurns;

  constructor(
    @Inject(CONFIG) config: Config,
    @Inject(CLOCK) private readonly clock: Clock,
  ) {
    this.turns = new AskingTurns(config.questionsAtOnce);
  }

  /** Returns when the page is settled, or the time is over. Throws the signal's reason when nobody waits any more. */
  async carryOut<Answer extends RoundAnswer>(
    rounds: Rounds,
    conversation: Conversation<Answer>,
    { deadlineMs, signal }: { deadlineMs: number; signal: AbortSignal },
  ): Promise<void> {
    const endsAtMs = this.clock() + deadlineMs;
    const over = new AbortController();
    const stop = AbortSignal.any([signal, over.signal]);
    const line = this.turns.line();
    const signals = new OwnSignals(stop);
    const changes = new Changes();
    let open = 0;
    let fault: { error: unknown } | undefined;
    const begin = async (ask: RoundAsk, withinMs: number): Promise<void> => {
      open += 1;
      try {
        const answer = await signals.with((own) =>
          line.during(own, PATIENCE_MS, () => conversation.ask(ask, Math.max(1, Math.min(withinMs, endsAtMs - this.clock())), own)),
        );
        if (!stop.aborted) conversation.heard(ask.gatewayId, answer, rounds.take(ask, answer));
      } catch (error) {
        if (stop.aborted) return;
        rounds.fail(ask.gatewayId);
        fault ??= faultOf(() => conversation.failed(ask.gatewayId, error));
      } finally {
        open -= 1;
        changes.note();
      }
    };
    try {
      for (let asks = rounds.first(); ; asks = rounds.next()) {
        const leftMs = endsAtMs - this.clock();
        if (leftMs <= 0 || (asks.length === 0 && open === 0)) break;
        const isFirst = asks[0]?.isFirst === true;
        const roundMs = asks.length === 0 ? leftMs : isFirst ? deadlineMs * FIRST_ROUND : leftMs * LATER_ROUND;
        const awaited = asks.map((ask) => begin(ask, isFirst ? leftMs : roundMs));
        await (asks.length === 0 ? changes.next(roundMs) : changes.until(Promise.all(awaited), roundMs));
        signal.throwIfAborted();
        if (fault) throw fault.error;
      }
    } finally {
      over.abort(new Error('the search is over'));
    }
    conversation.silent(rounds.giveUp());
  }
}

function faultOf(act: () => void): { error: unknown } | undefined {
  try {
    act();
    return undefined;
  } catch (error) {
    return { error };
  }
}
