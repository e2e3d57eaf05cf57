const NAMES = ['born', 'changed', 'ended', 'endedByUs', 'overflows', 'heals', 'live', 'isLive', 'isStopping'] as const;
type Name = (typeof NAMES)[number];
export const PLACES = Object.fromEntries(NAMES.map((name, place) => [name, place])) as Record<Name, number>;

/** Shared memory that the event thread writes and the main thread reads at any time, without a message. Counts wrap around at 2^32. */
export class EventCounts {
  readonly #numbers: Uint32Array<SharedArrayBuffer>;

  constructor(memory = new SharedArrayBuffer(NAMES.length * 4)) {
    this.#numbers = new Uint32Array(memory);
  }

  get memory(): SharedArrayBuffer {
    return this.#numbers.buffer;
  }

  get(name: Name): number {
    return Atomics.load(this.#numbers, PLACES[name]);
  }

  set(name: Name, value: number): void {
    Atomics.store(this.#numbers, PLACES[name], value);
  }

  /** Takes the place of a name; only for the one thread that counts, which calls it a hundred thousand times a second. */
  add(place: number): void {
    Atomics.store(this.#numbers, place, this.#numbers[place]! + 1);
  }
}
