import type { Observation, Wan, WanMemory } from './wans.ts';
import type { RouteEvents } from './route-events.ts';
import type { WanProbes } from './probes.ts';

/** How often it listens; a burst of changes within it is one. */
const LISTEN_MS = 50;
/** How often each WAN is probed, in times listened: 250 ms. */
const LISTENS_PER_PROBE = 5;
/** How often everything is read although nothing was heard, in times listened: 10 s. */
const LISTENS_PER_LOOK = 200;

export interface WanWatchOptions {
  memory: WanMemory;
  observe: () => Observation;
  /** Absent where they cannot be heard: then WANs are as whoever asked last saw them. */
  events?: RouteEvents;
  probes?: WanProbes;
  /** Called with the WANs after each observation. */
  keep?: (wans: Wan[]) => void;
  onError: (error: unknown) => void;
}

/** What a listener is told: all WANs, as they were and as they are. */
export type WanListener = (now: readonly Wan[], before: readonly Wan[]) => void;

/**
 * The gateway's WANs as they are, seen within a tenth of a second: route events and probes wake the observation. IPv4 routes vanish without
 * any
 * message when their link goes down (seen on 6.18), so that after each event everything is read anew.
 */
export class WanWatch {
  readonly #options: WanWatchOptions;
  readonly #listeners = new Set<WanListener>();
  #wans: Wan[] = [];
  #timer: NodeJS.Timeout | undefined;
  #listens = 0;

  constructor(options: WanWatchOptions) {
    this.#options = options;
  }

  /** Observes for the first time, then watches until it is closed. */
  start(): void {
    this.look();
    this.#timer = setInterval(() => this.#listen(), LISTEN_MS);
  }

  /** As last observed. */
  get wans(): Wan[] {
    return this.#wans;
  }

  /**
   * As they are: observed anew only where something was heard since the last time, or nothing can be heard. A plan and its run ask several
   * times.
   */
  current(): Wan[] {
    const { events } = this.#options;
    if (events && !events.haveCome()) return this.#wans;
    return this.look();
  }

  /** Observes now, and answers what it saw. */
  look(): Wan[] {
    const { memory, observe, probes, keep } = this.#options;
    const before = this.#wans;
    this.#wans = memory.observe(observe()).map((wan) => ({ ...wan, isAnswering: probes?.isAnswering(wan.interface) }));
    keep?.(this.#wans);
    if (!isSame(before, this.#wans)) for (const listener of this.#listeners) listener(this.#wans, before);
    return this.#wans;
  }

  /** Calls the listener at each change; answers how to end that. */
  onChange(listener: WanListener): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  close(): void {
    clearInterval(this.#timer);
    this.#options.events?.close();
    this.#options.probes?.close();
    this.#listeners.clear();
  }

  #listen(): void {
    const { events, probes, onError } = this.#options;
    try {
      const isHeard = events?.haveCome() ?? false;
      let isAnswered = probes?.receive() ?? false;
      this.#listens++;
      if (this.#listens % LISTENS_PER_PROBE === 1) isAnswered = (probes?.send(this.#wans) ?? false) || isAnswered;
      if (isHeard || isAnswered || this.#listens % LISTENS_PER_LOOK === 0) this.look();
    } catch (error) {
      onError(error);
    }
  }
}

/** Times at which things were seen do not make a difference. */
function isSame(a: readonly Wan[], b: readonly Wan[]): boolean {
  return textOf(a) === textOf(b);
}

function textOf(wans: readonly Wan[]): string {
  return JSON.stringify(wans.map(({ addresses, ...wan }) => ({ ...wan, addresses: addresses.map(String) })));
}
