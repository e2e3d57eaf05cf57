import { Client } from '../../../client/client.ts';

/** The controller as proxied by the console's own server, with the session's cookie. */
export const controller = new Client();

/** Calls one route. Throws ControllerError for every problem the controller can return. */
export const call: Client['call'] = (...asked) => controller.call(...asked);
