import { createPostgresBackend } from 'bullmq';
import { setTimeout as delay } from 'node:timers/promises';

/** How long a worker that got an error waits before it asks for the next job. */
const PAUSE_MS = 1000;

/**
 * BullMQ's queue in Postgres, whose workers ask for the next job at once, in an endless loop, when the last request failed. A server that
 * refuses connections would get thousands of requests a second; after a connection that could not be opened, none is even tried again, and
 * the event loop of the process is starved.
 */
export function createPatientBackend(...given: Parameters<typeof createPostgresBackend>): ReturnType<typeof createPostgresBackend> {
  const backend = createPostgresBackend(...given);
  const ask = backend.moveToActive.bind(backend);
  backend.moveToActive = async (...wanted) => {
    try {
      return await ask(...wanted);
    } catch (error) {
      await delay(PAUSE_MS, undefined, { ref: false });
      throw error;
    }
  };
  return backend;
}
