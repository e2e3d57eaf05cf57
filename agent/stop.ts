import koffi from 'koffi';

/** A service manager, and whoever waits at a terminal, gets the agent's end within five seconds of a signal. */
const MAX_STOP_MS = 4_500;

/**
 * The end of this program at once. `process.exit` waits for look-ups of names that are under way, and with a dead resolver, as when a WAN
 * has failed, that is 10 s and more. Whatever must outlive the process is on disk already: it might be killed at any moment.
 */
export function leave(code: number): never {
  try {
    koffi.load(null).func('void _exit(int)')(code);
  } catch {
    /* where the C library cannot be called there is only the slow way */
  }
  return process.exit(code);
}

/** Aborts at SIGINT and SIGTERM. What has not ended by itself some seconds later is left: `onLeft` may say so. */
export function stopSignal(onLeft: () => void): AbortSignal {
  const stop = new AbortController();
  for (const signal of ['SIGINT', 'SIGTERM'] as const) {
    process.once(signal, () => {
      stop.abort();
      setTimeout(() => {
        onLeft();
        leave(0);
      }, MAX_STOP_MS);
    });
  }
  return stop.signal;
}

/** What the work comes to, or undefined as soon as the signal aborts: for what cannot be cancelled and must not be waited for. */
export function unlessAborted<T>(work: Promise<T>, signal: AbortSignal): Promise<T | undefined> {
  return new Promise((resolve, reject) => {
    const stop = () => resolve(undefined);
    if (signal.aborted) return stop();
    signal.addEventListener('abort', stop, { once: true });
    work.then(resolve, reject).finally(() => signal.removeEventListener('abort', stop));
  });
}
