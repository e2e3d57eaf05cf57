import { createPostgresBackend } from 'bullmq';
import { setTimeout as delay } from 'node:timers/promises';

/** How long a worker that got an error is kept from asking for the next job. */
const PAUSE_MS = 1000;

/**
 * BullMQ's queue in Postgres, whose workers ask for the next job at once, without end, when the last question failed. A server that refuses
 * would be
 * asked thousands of times a second; a connection that could not be opened is not even tried again, and the loop of the process gets no
 * turn any more.
 */
export function createPatientBackend(...given: Parameters<typeof createPostgresBackend>): ReturnType<typeof createPostgresBackend> {
  const backend = createPostgresBackend(...given);
  const ask = backend.moveToActive.bind(backend);
  backend.moveToActive = async (...question) => {
    try {
      return await ask(...question);
    } catch (error) {
      await delay(PAUSE_MS, undefined, { ref: false });
      throw error;
    }
  };
  return backend;
}
