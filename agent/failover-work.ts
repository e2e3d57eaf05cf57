import type { Logger } from 'pino';
import type { Aftermath } from '../proto/gen/ctfleet/v1/wan_event.ts';
import type { Flow } from '../proto/model/flow.ts';
import type { ConntrackTable, FlowContext } from './conntrack/table.ts';
import type { Outbox } from './link/outbox.ts';
import { EndedFlows } from './operations/came-back.ts';
import type { Clock } from './time/clock.ts';
import type { ControllerClock } from './time/controller-clock.ts';
import { countUsing } from './wans/using.ts';
import { shiftCameBack } from './wans/wan-event-times.ts';
import type { WanEvents } from './wans/wan-events.ts';
import type { Wan } from './wans/wans.ts';

/** Whether flows that were ended come back is looked at for a minute. */
const WATCHED_MS = 60_000;
/** Between two looks: soon after something happened, later, and where nothing uses the WAN any more. */
const PAUSES = { soon: 2000, later: 10_000, healed: 60_000 };
const SOON_MS = 60_000;
/** However much happens, the table is not read more often. */
const MIN_PAUSE_MS = 500;
/** Resting so many times as long as a look took keeps looks below 5 % of one CPU, as with samples. */
const REST_PER_LOOK = 20;
/** What became of flows is told in each session until one has lasted for so long since: a link that is cut is noticed sooner. */
const TOLD_MS = 600_000;
const MAX_WATCHES = 100;

/** Who ended flows. */
export type EndedBy = { commandId: string } | { runId: string };

interface Watch {
  by: EndedBy | { eventId: string };
  flows: EndedFlows;
  untilMs: number;
  lookedMs: number;
  toldMs: number;
}

export interface FailoverDependencies {
  table: ConntrackTable;
  context: () => FlowContext;
  events: WanEvents;
  outbox: Pick<Outbox, 'aftermath' | 'isOpen'>;
  clock: Clock;
  controllerClock: Pick<ControllerClock, 'offsetMs'>;
  log: Logger;
}

/**
 * Looks at the table for WAN events: which flows still use the WAN that failed, and whether those that were ended come back and are
 * answered.
 */
export class FailoverWork {
  readonly #deps: FailoverDependencies;
  readonly #watches = new Map<string, Watch>();
  readonly #lookedMs = new Map<string, number>();
  #changedMs = -Infinity;
  #failure = '';
  #wake = new AbortController();

  constructor(deps: FailoverDependencies) {
    this.#deps = deps;
  }

  /** Takes the WANs as they are now. */
  observe(wans: readonly Wan[]): void {
    this.#deps.events.observe(wans);
    this.#changedMs = this.#deps.clock.now();
    this.#wake.abort();
  }

  /** These flows have just been ended. */
  ended(by: EndedBy, flows: readonly Flow[]): void {
    const { events, clock } = this.#deps;
    if (flows.length === 0) return;
    this.#watch(idOf(by), by, flows);
    const commandId = 'commandId' in by ? by.commandId : undefined;
    for (const { id, wan } of events.open()) {
      const ofWan = flows.filter((flow) => flow.wan === wan);
      if (ofWan.length === 0) continue;
      this.#watch(id, { eventId: id }, ofWan);
      events.ended(id, commandId);
    }
    this.#changedMs = clock.now();
    this.#wake.abort();
  }

  /** A session began: what became of flows lately may not have been heard. */
  tell(): void {
    for (const watch of this.#watches.values()) if (watch.lookedMs > 0) this.#tell(watch);
  }

  async run(signal: AbortSignal): Promise<void> {
    const { clock } = this.#deps;
    while (!signal.aborted) {
      this.#wake = new AbortController();
      const beganMs = clock.now();
      await this.#look(beganMs);
      const endedMs = clock.now();
      const restMs = Math.max(MIN_PAUSE_MS, REST_PER_LOOK * (endedMs - beganMs));
      await clock.delay(restMs, signal);
      const sleepMs = this.#nextMs(clock.now()) - clock.now();
      if (sleepMs > 0) await clock.delay(sleepMs, AbortSignal.any([signal, this.#wake.signal]));
    }
  }

  async #look(nowMs: number): Promise<void> {
    const { table, context, events, clock, log } = this.#deps;
    try {
      for (const { id, wan } of events.open()) {
        if (nowMs < this.#dueMs(id)) continue;
        this.#lookedMs.set(id, nowMs);
        events.look(id, await countUsing(table, context(), wan, clock.now()));
      }
      for (const watch of this.#watches.values()) {
        if (nowMs < dueOf(watch)) continue;
        watch.lookedMs = nowMs;
        await watch.flows.look(table, context(), { atMs: clock.now(), isFinal: nowMs >= watch.untilMs });
        this.#tell(watch);
      }
      this.#failure = '';
    } catch (error) {
      const { message } = error as Error;
      if (message !== this.#failure) log.warn({ err: error }, 'it could not be looked which flows use a failed WAN');
      this.#failure = message;
    }
    this.#deps.events.judge();
    this.#forget(nowMs);
  }

  #watch(id: string, by: Watch['by'], flows: readonly Flow[]): void {
    const nowMs = this.#deps.clock.now();
    const known = this.#watches.get(id);
    const watch = known && !known.flows.cameBack.isFinal ? known : { by, flows: new EndedFlows(nowMs), untilMs: 0, lookedMs: 0, toldMs: 0 };
    watch.flows.add(flows);
    watch.untilMs = nowMs + WATCHED_MS;
    this.#watches.set(id, watch);
    const [oldest] = this.#watches.keys();
    if (this.#watches.size > MAX_WATCHES) this.#watches.delete(oldest!);
  }

  #tell(watch: Watch): void {
    const { events, outbox, clock, controllerClock } = this.#deps;
    const {
      by,
      flows: { cameBack },
    } = watch;
    watch.toldMs = clock.now();
    if ('eventId' in by) return events.cameBack(by.eventId, cameBack);
    const of: Aftermath['of'] = 'commandId' in by ? { $case: 'commandId', value: by.commandId } : { $case: 'runId', value: by.runId };
    outbox.aftermath(idOf(by), { of, cameBack: shiftCameBack(cameBack, controllerClock.offsetMs()) });
  }

  #dueMs(eventId: string): number {
    const lookedMs = this.#lookedMs.get(eventId);
    return lookedMs === undefined || lookedMs < this.#changedMs ? 0 : lookedMs + this.#pauseMs(eventId, lookedMs);
  }

  #pauseMs(eventId: string, lookedMs: number): number {
    if (lookedMs - this.#changedMs < SOON_MS) return PAUSES.soon;
    const event = this.#deps.events.open().find(({ id }) => id === eventId);
    return event?.healedAtMs === undefined ? PAUSES.later : PAUSES.healed;
  }

  #nextMs(nowMs: number): number {
    const times = [...this.#deps.events.open().map(({ id }) => this.#dueMs(id)), ...[...this.#watches.values()].map(dueOf)];
    return Math.min(nowMs + PAUSES.healed, ...times);
  }

  #forget(nowMs: number): void {
    for (const [id, watch] of this.#watches) if (this.#isHeard(watch, nowMs)) this.#watches.delete(id);
    const open = new Set(this.#deps.events.open().map(({ id }) => id));
    for (const id of this.#lookedMs.keys()) if (!open.has(id)) this.#lookedMs.delete(id);
  }

  /** A record of a WAN event is kept, and told, by itself. */
  #isHeard({ by, flows, toldMs }: Watch, nowMs: number): boolean {
    if (!flows.cameBack.isFinal) return false;
    return 'eventId' in by || (this.#deps.outbox.isOpen && nowMs > toldMs + TOLD_MS);
  }
}

function idOf(by: EndedBy): string {
  return 'commandId' in by ? by.commandId : by.runId;
}

/** At 2, 4, 8, 16, 32 and 60 s. */
function dueOf({ flows: { cameBack }, untilMs, lookedMs }: Watch): number {
  if (cameBack.isFinal) return Infinity;
  const beganMs = untilMs - WATCHED_MS;
  return lookedMs === 0 ? beganMs + PAUSES.soon : Math.min(untilMs, Math.max(lookedMs + PAUSES.soon, beganMs + 2 * (lookedMs - beganMs)));
}
