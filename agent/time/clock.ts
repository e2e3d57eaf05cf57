import { uptime } from 'node:os';

/** Time, given in from outside so that tests can hold it. */
export interface Clock {
  /** Milliseconds since 1970. Only goes forward, and only as fast as time: nobody can set it. */
  now(): number;
  /** Resolves after `ms`, or at once when the signal aborts; never rejects. */
  delay(ms: number, signal?: AbortSignal): Promise<void>;
}

/**
 * Looks at the wall clock once, and from then on counts time that passed. Whoever sets the gateway's clock changes no deadline, budget or
 * cool-down; what the controller is told is corrected by the controller's own time (controller-clock.ts).
 * @param wall milliseconds since 1970, which may step
 * @param passed milliseconds of a clock that nobody can set
 */
export function steadyNow(wall: () => number, passed: () => number): () => number {
  const beganMs = wall() - passed();
  return () => Math.round(beganMs + passed());
}

/** The kernel's boot-time clock: it goes on while the machine is suspended. To the hundredth of a second. */
function bootTimeMs(): number {
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
