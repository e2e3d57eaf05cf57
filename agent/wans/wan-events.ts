import { v7 } from 'uuid';
import type { CameBack, Using, WanEvent, WanEvents as WireWanEvents } from '../../proto/gen/ctfleet/v1/wan_event.ts';
import { followWan, type WanState } from './health.ts';
import { resumedState, stillSilent } from './resumed-state.ts';
import {
  cameBackTo,
  followed,
  handledByCommand,
  handledByRun,
  isClosed,
  isLive,
  isOver,
  judged,
  looked,
  opened,
  type LocalFacts,
} from './wan-event.ts';
import { MAX_KEPT, type WanEventStore } from './wan-event-store.ts';
import { shiftTimes } from './wan-event-times.ts';
import type { Wan } from './wans.ts';

/** In one message, far below 256 KiB. */
const MAX_TOLD = 10;

export interface WanEventDependencies {
  store: WanEventStore;
  clock: { now(): number };
  controllerClock: { offsetMs(): number };
  /** Something is to be told. */
  onNews: () => void;
  newId?: () => string;
}

/**
 * The failovers of this gateway, each as one record: opened when a WAN fails, followed while it lasts, told until the controller has it. A
 * queue of the outbox.
 */
export class WanEvents {
  readonly #deps: WanEventDependencies;
  readonly #events: Map<string, WanEvent>;
  readonly #states = new Map<string, WanState>();
  readonly #known = new Map<string, LocalFacts>();
  /** Revisions told in this session, and those that the controller has. */
  readonly #told = new Map<string, number>();
  readonly #received = new Map<string, number>();
  /** WANs that were silent when the agent stopped, and of which nothing was heard since. */
  readonly #silent = new Set<string>();
  /** Records whose ended flows nobody looks for any more: the agent stopped within their minute. */
  readonly #unwatched = new Set<string>();

  constructor(deps: WanEventDependencies) {
    this.#deps = deps;
    this.#events = new Map(deps.store.load().map((event) => [event.id, event]));
    for (const event of this.open()) this.#resume(event);
    for (const { id, cameBack } of this.#events.values()) if (cameBack?.isFinal === false) this.#unwatched.add(id);
  }

  /** Those that a look at the table can still change. */
  open(): WanEvent[] {
    return [...this.#events.values()].filter((event) => !isClosed(event));
  }

  /** The open record of a WAN. */
  openOf(wan: string): WanEvent | undefined {
    return this.open().find((event) => event.wan === wan);
  }

  /** Takes the WANs as they are now. */
  observe(wans: readonly Wan[]): void {
    const atMs = this.#deps.clock.now();
    for (const observed of wans) {
      if (observed.isAnswering !== undefined) this.#silent.delete(observed.name);
      const wan = this.#silent.has(observed.name) ? stillSilent(observed) : observed;
      const before = this.#states.get(wan.name);
      const state = followWan(before, wan, atMs);
      this.#states.set(wan.name, state);
      const open = this.openOf(wan.name);
      if (open) this.#set(followed(open, before, state, wans, atMs));
      else if (state.failure && wan.addresses.length > 0 && !before?.failure)
        this.#set(opened((this.#deps.newId ?? v7)(), before, state, wans, atMs));
    }
    this.judge();
  }

  /** Takes what a look at the table counted. */
  look(id: string, using: Using): void {
    const atMs = this.#deps.clock.now();
    const { quietSinceMs = atMs, ...known } = this.#known.get(id) ?? {};
    this.#known.set(id, isLive(using) ? known : { ...known, quietSinceMs });
    this.#change(id, (event) => looked(event, using, atMs));
  }

  /** A run of a remediation was about this WAN. */
  handledByRun(wan: string, runId: string): void {
    const event = this.openOf(wan);
    if (event) this.#change(event.id, (one) => handledByRun(one, runId, this.#deps.clock.now()));
  }

  /** Flows of this WAN were ended; by a command, if it is named. */
  ended(id: string, commandId?: string): void {
    const atMs = this.#deps.clock.now();
    this.#known.set(id, { ...this.#known.get(id), actedMs: atMs });
    this.#change(id, (event) => (commandId === undefined ? event : handledByCommand(event, commandId, atMs)));
  }

  cameBack(id: string, cameBack: CameBack): void {
    this.#unwatched.delete(id);
    this.#change(id, (event) => cameBackTo(event, cameBack, this.#deps.clock.now()));
  }

  /** Also the mere passing of time may change a state. */
  judge(): void {
    for (const { id } of this.open()) this.#change(id, (event) => event);
  }

  /** The next message; undefined if there is none now. */
  take(): WireWanEvents | undefined {
    const events = [...this.#events.values()].filter(({ id, revision }) => (this.#told.get(id) ?? this.#received.get(id) ?? 0) < revision);
    if (events.length === 0) return undefined;
    const told = events.slice(0, MAX_TOLD);
    for (const { id, revision } of told) this.#told.set(id, revision);
    const offsetMs = this.#deps.controllerClock.offsetMs();
    return { events: told.map((event) => shiftTimes(event, offsetMs)) };
  }

  /** The session ended: what was not received is told again in the next. */
  reset(): void {
    this.#told.clear();
  }

  /** The controller has it up to this revision. */
  received(id: string, revision: number): void {
    const event = this.#events.get(id);
    if (!event) return;
    this.#received.set(id, Math.max(revision, this.#received.get(id) ?? 0));
    if (this.#isOver(event) && revision >= event.revision) this.#forget(id);
  }

  #resume(event: WanEvent): void {
    const state = resumedState(event);
    this.#states.set(event.wan, state);
    if (state.wan.isAnswering === false) this.#silent.add(event.wan);
  }

  #isOver(event: WanEvent): boolean {
    return isOver(event) || (isClosed(event) && this.#unwatched.has(event.id));
  }

  #change(id: string, change: (event: WanEvent) => WanEvent): void {
    const event = this.#events.get(id);
    const state = event && this.#states.get(event.wan);
    if (!event) return;
    const next = change(event);
    this.#set(state && !isClosed(next) ? judged(next, state, this.#known.get(id) ?? {}, this.#deps.clock.now()) : next);
  }

  #set(event: WanEvent): void {
    if (this.#events.get(event.id)?.revision === event.revision) return;
    this.#events.set(event.id, event);
    this.#deps.store.keep(event);
    this.#trim();
    this.#deps.onNews();
  }

  #trim(): void {
    const over = [...this.#events.values()].filter((event) => this.#isOver(event));
    for (const { id } of over.slice(0, Math.max(0, this.#events.size - MAX_KEPT))) this.#forget(id);
  }

  #forget(id: string): void {
    for (const kept of [this.#events, this.#told, this.#received, this.#known, this.#unwatched]) kept.delete(id);
    this.#deps.store.forget(id);
  }
}
