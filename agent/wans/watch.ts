import type { Observation, Wan, WanMemory } from './wans.ts';
import type { RouteEvents } from './route-events.ts';
import type { WanProbes } from './probes.ts';

/** Polling interval; a burst of changes within it counts as one. */
const LISTEN_MS = 50;
/** Polls between two probes of each WAN: 250 ms. */
const LISTENS_PER_PROBE = 5;
/** Polls after which everything is read although there was no event: 10 s. */
const LISTENS_PER_LOOK = 200;

export interface WanWatchOptions {
  memory: WanMemory;
  observe: () => Observation;
  /** Absent if events cannot be received: then each query observes the WANs. */
  events?: RouteEvents;
  probes?: WanProbes;
  /** Called with the WANs after each observation. */
  keep?: (wans: Wan[]) => void;
  onError: (error: unknown) => void;
}

/** Receives all WANs, as they are and as they were. */
export type WanListener = (now: readonly Wan[], before: readonly Wan[]) => void;

/**
 * The gateway's current WANs, with changes seen within a tenth of a second: route events and probes trigger an observation. IPv4 routes
 * vanish without any message when their link goes down (seen on 6.18), so every event causes everything to be read again.
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

  /** Takes the first observation, then watches until it is closed. */
  start(): void {
    this.look();
    this.#timer = setInterval(() => this.#listen(), LISTEN_MS);
  }

  /** As last observed. */
  get wans(): Wan[] {
    return this.#wans;
  }

  /**
   * The current WANs: observed again only if there was an event since the last time, or if there are no events. A plan and its run ask
   * several times.
   */
  current(): Wan[] {
    const { events } = this.#options;
    if (events && !events.haveCome()) return this.#wans;
    return this.look();
  }

  /** Observes now, and returns the result. */
  look(): Wan[] {
    const { memory, observe, probes, keep } = this.#options;
    const before = this.#wans;
    this.#wans = memory.observe(observe()).map((wan) => ({ ...wan, isAnswering: probes?.isAnswering(wan.interface) }));
    keep?.(this.#wans);
    if (!isSame(before, this.#wans)) for (const listener of this.#listeners) listener(this.#wans, before);
    return this.#wans;
  }

  /** Calls the listener on each change; returns a function that removes it. */
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

/** True if the two lists are the same in all respects. */
function isSame(a: readonly Wan[], b: readonly Wan[]): boolean {
  return textOf(a) === textOf(b);
}

function textOf(wans: readonly Wan[]): string {
  return JSON.stringify(wans.map(({ addresses, ...wan }) => ({ ...wan, addresses: addresses.map(String) })));
}
