import { uptime } from 'node:os';

/** Time, injected so that tests can control it. */
export interface Clock {
  /** Milliseconds since 1970. Monotonic and never stepped: nobody can set it. */
  now(): number;
  /** Resolves after `ms`, or at once when the signal aborts; never rejects. */
  delay(ms: number, signal?: AbortSignal): Promise<void>;
}

/**
 * Reads the wall clock once, and from then on adds the time that has passed. Setting the gateway's clock changes no deadline, budget or
 * cool-down; times reported to the controller are corrected by the controller's own time (controller-clock.ts).
 * @param wall milliseconds since 1970, which may step
 * @param passed milliseconds on a clock that nobody can set
 */
export function steadyNow(wall: () => number, passed: () => number): () => number {
  const beganMs = wall() - passed();
  return () => Math.round(beganMs + passed());
}

/** The kernel's boot-time clock, which runs on while the machine is suspended. Resolution: a hundredth of a second. */
export function bootTimeMs(): number {
  return uptime() * 1000;
}

export const systemClock: Clock = {
  now: steadyNow(Date.now, bootTimeMs),
  delay: (ms, signal) =>
    new Promise((resolve) => {
      if (signal?.aborted) return resolve();
      const timer = setTimeout(done, ms);
      signal?.addEventListener('abort', done, { once: true });
      function done() {
        clearTimeout(timer);
        signal?.removeEventListener('abort', done);
        resolve();
      }
    }),
};
