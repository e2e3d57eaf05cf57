import { Client } from '../../../client/client.ts';
import { ControllerError } from '../../../client/problem.ts';
import { askForProof } from './step-up.ts';

/** The controller as proxied by the console's own server, with the session's cookie. */
export const controller = new Client();

/**
 * Calls one route. Where the controller wants a second factor proved first, asks for it and calls again. Throws ControllerError for every
 * problem the controller can return.
 */
export const call: Client['call'] = (...asked) => withProof(() => controller.call(...asked));

/** The same for any request. */
export async function withProof<T>(send: () => Promise<T>): Promise<T> {
  try {
    return await send();
  } catch (error) {
    if (!(error instanceof ControllerError) || error.code !== 'STEP_UP_REQUIRED' || !(await askForProof())) throw error;
    return send();
  }
}
