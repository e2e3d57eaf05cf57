import { Client } from '../../../client/client.ts';

/** The controller as the console's own server passes it on, with the session's cookie. */
export const controller = new Client();

/** Calls one route. Throws ControllerError for every way in which the controller can say no. */
export const call: Client['call'] = (...asked) => controller.call(...asked);
